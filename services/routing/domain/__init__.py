"""The rules of cases: pure decisions over the states of a case (DOMAIN 3). Time and policy come in as data.

case.py        what a case is, state by state
dispatch.py    who must do it; returned and given to another; escalated
assigning.py   one agency's part, with its clocks
resolution.py  resolved, once lead and assistants are
ending.py      held, rework, closed, contested
appellants.py  more appeals, urging, supplements, withdrawals
more_time.py   extensions, deferrals and their review, supervision
"""
