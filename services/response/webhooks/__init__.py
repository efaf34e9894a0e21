"""Webhooks: what an agency is sent, delivered over HTTP to the address that the registry holds.

domain/       decides: terms, outcomes, signature, circuit, and what is sent next of what is in hand; no I/O
outlet.py     the agency's consumer, read by one copy of the service at a time
post.py       one signed request, to an address that was checked
deliverer.py  one agency: outlet -> hand -> post -> acknowledgement
keeper.py     a deliverer for every agency the registry gives an address
undelivered.py  what was given up, kept to be looked at and sent again
view.py       how it stands, asked of all copies
api.py        HTTP
"""
