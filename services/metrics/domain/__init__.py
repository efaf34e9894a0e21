"""What the figures are: pure merges, sums and rates (DOMAIN 5). Time and policy come in as data.

facts.py       what is known of a case and of an appeal without one
learn.py       what each event adds to that, in any order
counting.py    what a fact counts for, and on which day
rollups.py     sums per day and community
indicators.py  rates, each with both its parts
standing.py    agencies beside one another: rating and rank
"""
