"""The replay: a stretch of a heating season in a sample district, lived through by outsiders' own programs.

season.py     what is said, when, over which channel (seeded)
outsiders/    agencies, field teams and channels: programs that know the contracts, nats-py and their seed
stillness.py  when everything that was said has been dealt with
run.py        drives the clock, shows progress
balance.py    whether everything is accounted for
"""
