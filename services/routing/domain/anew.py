"""Given out again to those who had it: in another round, or off the list of deferrals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.routing.domain.assigning import assign
from services.routing.domain.case import Dispatched
from services.routing.domain.dispatch import escalate, next_lead, redispatch
from shared.contracts.values import ReworkNote, Role
from shared.loop.decision import Decision
from shared.policy import Jurisdiction


def anew(
    case: Dispatched,
    asked: Sequence[tuple[str, Role]],
    why: str,
    at: datetime,
    jurisdiction: Jurisdiction,
    rework: ReworkNote | None = None,
) -> Decision:
    """New assignments for the same agencies. A lead that was suspended or removed meanwhile gets none: the next
    candidate leads in its place, or where none is left somebody up the ladder, or the desk decides.

    ``why``: told to agencies and written down where anybody may read it; no words of residents.
    """
    active = jurisdiction.tenants.active
    gone = next((agency for agency, role in asked if role == "lead" and not active(agency)), None)
    if gone is None:
        again, out = assign(case, asked, at, jurisdiction, rework)
        return Decision(again, out)
    reason = f"原主办单位已停用：{why}"
    to = next_lead(case, None, jurisdiction)
    if to is not None:
        led = redispatch(case, to, gone, reason, at, jurisdiction, rework)
    else:
        previous, readings = (rework.previous, rework.readings) if rework is not None else ("", None)
        led = escalate(case, reason, at, jurisdiction, previous, readings)
    if not isinstance(led.state, Dispatched):
        return led
    assistants = [(agency, role) for agency, role in asked if agency not in (gone, led.state.lead_agency)]
    again, out = assign(led.state, assistants, at, jurisdiction, rework)
    return Decision(again, [*led.out, *out])
