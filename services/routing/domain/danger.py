"""Danger to life that is heard of later: said by somebody who joined a case, or added to it (docs/decisions/0048).

Words are judged when they come, not only the first appeal's. Where they make the case an emergency, its agencies are
called back and ordered anew, with the clocks of an emergency from now on: what they were told is not true any more.
"""

from __future__ import annotations

from datetime import datetime

from services.routing.domain.after_done import back_to_work
from services.routing.domain.anew import anew
from services.routing.domain.asking import told
from services.routing.domain.assigning import call_back
from services.routing.domain.case import C, CaseData, Dispatched, OnDesk, OpenCase, Resolved, noted
from services.routing.domain.case_parts import Question
from services.routing.domain.dispatch import first_dispatch, next_lead, redispatched
from services.routing.domain.incident import raised
from services.routing.domain.resolution import off_the_list
from services.routing.judge import Judgement, judge
from shared.contracts.values import Nature, Role
from shared.loop.decision import Decision
from shared.policy import Jurisdiction

REASON = "群众反映危及生命安全，按危急重新派遣"


def judged(
    case: CaseData,
    text: str,
    nature: Nature,
    indoor_temperature: float | None,
    at: datetime,
    jurisdiction: Jurisdiction,
) -> Judgement:
    """What these words alone would make of the case. ``indoor_temperature``: degrees Celsius as reported."""
    return judge(
        category=case.category.code,
        nature=nature,
        text=text,
        place=case.place,
        indoor_temperature=indoor_temperature,
        jurisdiction=jurisdiction,
        on=at.astimezone(jurisdiction.policy.zone).date(),
    )


def alarming(case: CaseData, verdict: Judgement, jurisdiction: Jurisdiction) -> bool:
    """Whether the words make an emergency of what was none.

    Where the category alone is one, the desk has said that this case is not, and a further appeal does not take that
    back.
    """
    by_itself = jurisdiction.policy.category(case.category.code).urgency
    return verdict.urgency == "emergency" != case.urgency and by_itself != "emergency"


def graver(case: C, verdict: Judgement) -> C:
    """The case with what the words make of it short of an emergency; never less pressing than before."""
    if verdict.urgency == "emergency":
        return case
    return case.model_copy(update={"urgency": raised(case.urgency, verdict.urgency)})


def alarm(case: OpenCase, verdict: Judgement, at: datetime, jurisdiction: Jurisdiction) -> Decision:
    """The case is an emergency from now on: at work with whoever leads it, or can be asked; the desk has less time. A
    resolved one is at work again.

    Steps of a task force's plan keep their dates and hear of it. What was promised stays promised.
    """
    assistants = [
        *case.assist_agencies,
        *(case.question.assistants if case.question else ()),
        *verdict.assist_agencies,
    ]
    grave = case.model_copy(
        update={
            "urgency": raised(case.urgency, "emergency"),
            "mode": case.mode if case.planned else verdict.mode,
            "candidates": list(dict.fromkeys([*case.candidates, *verdict.candidates])),
            "because": verdict.because,
            "question": _sooner(case, at, jurisdiction),
            "unsaid": None,
            "history": noted(case, jurisdiction, at, "danger heard of", "", verdict.because),
        }
    )
    lead = case.lead_agency
    if isinstance(case, OnDesk):
        proposed = case.question.lead or verdict.lead_agency or None
        lead = next_lead(grave, proposed, jurisdiction) or ""
    if not lead:
        return Decision(grave, told(grave, at))
    serving = {tenant.id for tenant in jurisdiction.tenants.serving("agency")}
    helping = [one for one in dict.fromkeys(assistants) if one != lead and one in serving]
    if isinstance(grave, Resolved):
        return back_to_work(grave, helping, REASON, at, jurisdiction)
    if not case.assigned:
        after, out = first_dispatch(grave, lead, helping, at, jurisdiction)
        return Decision(after, [*out, *told(after, at)])
    asked: list[tuple[str, Role]] = [(lead, "lead"), *((one, "assist") for one in helping)]
    free, out = call_back(grave, grave.beside, at, REASON)
    ready = Dispatched(**free.carried(lead_agency=lead, assist_agencies=helping))
    given = anew(ready, asked, REASON, at, jurisdiction)
    out += given.out
    if not isinstance(given.state, Dispatched):
        return off_the_list(case, Decision(given.state, out), at, jurisdiction)
    after = given.state
    if isinstance(case, OnDesk):
        after, said = redispatched(after, case.lead_agency, REASON, at, jurisdiction)
        out.append(said)
    return off_the_list(case, Decision(after, [*out, *told(after, at)]), at, jurisdiction)


def _sooner(case: CaseData, at: datetime, jurisdiction: Jurisdiction) -> Question | None:
    """What the desk is asked, with the clock of an emergency; late already, it stays late."""
    if case.question is None:
        return None
    due = min(case.question.due, at + jurisdiction.policy.desk.emergency)
    return case.question.model_copy(update={"due": due})
