"""The rules of cases: pure decisions over the states of a case (DOMAIN 3). Time and policy come in as data.

case.py       what a case is, state by state
dispatch.py   who must do it and by when; returned and given to another; escalated
meanwhile.py  more appeals, urging, supplements, withdrawals, extensions, deferrals
resolution.py resolved, once lead and assistants are
ending.py     held, rework, closed, contested
"""
