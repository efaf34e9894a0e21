"""How fast the whole is, and against what: `make bench` prints one table from one run and writes var/bench.json.

hops.py   each service alone, on the messages the one before it left
lives.py  whole lives through five processes, and what they write and publish
floor.py  the same writes and publishes by a bare script on the same servers
trickle.py report -> agency, one at a time
"""
