"""An appeal and its matter, as intake keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.intake.domain.appeal import Appeal
from services.intake.domain.receive import appeal_id
from services.intake.handlers import handlers
from services.intake.store import APPEALS, MATTERS
from shared.contracts import channel, intake_steps, routing
from tests.support.appeals import CHANNEL, OTHER, T0, cold_flat, sample
from tests.transitions.walks import Machine, Said, Walk, names_of

ID = appeal_id(CHANNEL, "e1")
KEY = "c001|heating.no_heat"
SAID = {
    "a fault": {},
    "a question": {"text": "请问暖气费怎么在网上缴纳"},
    "in court": {"text": "这件事已经起诉到法院，正在打官司，希望帮忙处理"},
}


def _submitted(walk: Walk) -> Said:
    return Said(cold_flat(**SAID[walk.one_of(*SAID)]), CHANNEL)


def _follow_up(kind: type[Any], **needed: Any) -> Any:
    def move(walk: Walk) -> Said:
        return Said(kind(appeal_id=ID, **needed), walk.one_of(CHANNEL, CHANNEL, CHANNEL, OTHER))

    return move


def _case(walk: Walk) -> str:
    mine = getattr(walk.state, "case_id", None)
    return walk.one_of(*[mine] * 3, "another-case") if mine else "case-1"


def _placed(walk: Walk) -> Said:
    opened = walk.one_of(True, False)
    placed = intake_steps.AppealPlaced(
        matter=KEY, appeal_id=ID, case_id=_case(walk), case_no="1", opened=opened, appeals=2 - opened
    )
    return Said(placed)


def _round(walk: Walk) -> int:
    return int(walk.one_of(0, 0, 1, 2))


def _close(walk: Walk) -> Said:
    outcome = walk.one_of("verified", "not_verified", "withdrawn")
    closing = intake_steps.CloseAppeal(
        appeal_id=ID, case_id=_case(walk), round=_round(walk), outcome=outcome, reply="已修好"
    )
    return Said(closing)


def _reopen(walk: Walk) -> Said:
    return Said(
        intake_steps.ReopenAppeal(appeal_id=ID, case_id=_case(walk), round=1 + _round(walk), at=walk.at)
    )


def _move(walk: Walk) -> Said:
    return Said(
        intake_steps.MoveAppeal(appeal_id=ID, case_id=_case(walk), into="case-2", into_no="2", appeals=2)
    )


def _join_refused(walk: Walk) -> Said:
    return Said(routing.CaseJoinRefused(case_id=_case(walk), at=walk.at, appeal_id=ID, matter=KEY))


def _leave(walk: Walk) -> Said:
    return Said(intake_steps.LeaveCase(appeal_id=ID, case_id=_case(walk), into=f"{KEY}|1"))


def _split(walk: Walk) -> Said:
    split = intake_steps.SplitMatter(matter=KEY, case_id=_case(walk), into=f"{KEY}|1", compounds=["c002"])
    return Said(split)


def _place(walk: Walk) -> Said:
    received = intake_steps.PlaceAppeal(
        matter=KEY,
        category="heating.no_heat",
        appeal_id=f"a{walk.chance.randrange(99)}",
        not_case=walk.one_of(None, None, _case(walk)),
        place=walk.one_of("c001", "c002"),
        via=walk.one_of([], [], ["c009|heating.no_heat"]),
    )
    return Said(received, late=timedelta(days=walk.one_of(0, 0, 30)))


APPEAL = Machine(
    "Appeal 诉求",
    "One document per appeal, in intake (`services/intake/domain/appeal.py`). An appeal of another channel is refused"
    " as one that is not there.",
    handlers,
    APPEALS,
    names_of(Appeal),
    sample(),
    T0,
    {
        channel.Submitted: _submitted,
        channel.Urged: _follow_up(channel.Urged),
        channel.Supplemented: _follow_up(channel.Supplemented, text="还是很冷"),
        channel.Withdrawn: _follow_up(channel.Withdrawn, reason="已经好了"),
        channel.Contested: _follow_up(channel.Contested, reason="没有修好"),
        intake_steps.AppealPlaced: _placed,
        routing.CaseJoinRefused: _join_refused,
        intake_steps.LeaveCase: _leave,
        intake_steps.CloseAppeal: _close,
        intake_steps.ReopenAppeal: _reopen,
        intake_steps.MoveAppeal: _move,
    },
    once=channel.Submitted,
)

MATTER = Machine(
    "Matter 事项",
    "One document per place and category, in intake (`services/intake/domain/matter.py`): which case takes appeals.",
    handlers,
    MATTERS,
    ("open", "closed"),
    sample(),
    T0,
    {
        intake_steps.PlaceAppeal: _place,
        intake_steps.SplitMatter: _split,
        intake_steps.LeaveMatter: lambda walk: Said(
            intake_steps.LeaveMatter(matter=KEY, case_id=_case(walk))
        ),
        intake_steps.CloseMatter: lambda walk: Said(
            intake_steps.CloseMatter(matter=KEY, case_id=_case(walk), round=_round(walk))
        ),
        intake_steps.ReopenMatter: lambda walk: Said(
            intake_steps.ReopenMatter(matter=KEY, case_id=_case(walk), round=1 + _round(walk))
        ),
    },
    state_of=lambda matter: "open" if matter.open else "closed",
)

MACHINES = (APPEAL, MATTER)
