"""The rules of cases: pure decisions over the states of a case (DOMAIN 3). Time and policy come in as data.

case.py        what a case is, state by state
dispatch.py    who must do it; returned and given to another; escalated
asking.py      when the centre's desk is asked, what and until when
desk.py        what the desk decides
assigning.py   one agency's part, with its clocks
resolution.py  resolved, once lead and assistants are
anew.py        given out again to those who had it
ending.py      held, rework, closed, contested
appellants.py  more appeals, urging, supplements, withdrawals
more_time.py   extensions and deferrals that agencies ask for
deferring.py   on the list of deferrals, and off it
ladder.py      supervised and escalated, by rule and by hand
whistle.py     who did not report in

plan.py        a task force's plan, state by state
planning.py    made, a step ended, re-dated, given out again, late
steps.py       the case under a plan
consultation.py, vote.py   parties, meetings, households' votes, the result
"""
