"""The replay: a stretch of a heating season in a sample district, lived through by outsiders' own programs.

season.py     what is said, when, over which channel (seeded)
outsiders/    agencies, field teams, channels and the centre's desk: programs that know the contracts and their seed
outside.py    starts these programs and tells them the time
drive.py      drives the clock, step by step
stillness.py  when everything that was said has been dealt with
balance.py    whether everything is accounted for
demo.py       all of it from nothing, with progress, balance sheet and bulletin
"""
