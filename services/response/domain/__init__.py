"""The rules of assignments: pure decisions over the states of an assignment (DOMAIN 3, CONTRACTS 2 and 3).

assignment.py what an assignment is, state by state
disclosure.py what an agency may know, and from when
centre.py     what the centre says: assigned, updated, supervised, decided, withdrawn, concluded
agency.py     what the agency says: the steps, given back, more time, not now
clocks.py     which deadline is near or past
refusals.py   what an agency was refused lately
rates.py      what its own figures are counted of
"""
