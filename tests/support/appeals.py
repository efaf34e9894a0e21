"""Builders for intake: the sample jurisdiction, a cold flat in a known compound, and what routing says of its case."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from services.intake.domain.receive import appeal_id
from services.intake.handlers import handlers
from services.intake.store import APPEALS
from shared.contracts.channel import Submitted
from shared.contracts.routing import CaseClosed, CaseDispatched, CaseJoinRefused, CaseReopened
from shared.contracts.values import Location, Reporter
from shared.policy import Jurisdiction, load
from tests.support.desk import Desk

CHANNEL = "hotline-12345"
OTHER = "wechat-grid"
T0 = datetime.fromisoformat("2025-11-15T08:00:00+08:00")
MINUTE = timedelta(minutes=1)
SAMPLE = Path(__file__).parents[2] / "deploy" / "packs" / "nuanhe"


@cache
def sample() -> Jurisdiction:
    return load(SAMPLE)


def desk() -> Desk:
    return Desk(handlers, sample())


def compound(index: int = 0) -> Any:
    return sample().places.compounds[index]


def cold_flat(at: int = 0, **more: Any) -> Submitted:
    """A radiator stays cold in compound number ``at`` of the gazetteer."""
    fields: dict[str, Any] = {
        "text": "家里暖气不热，只有14度，老人受不了",
        "location": Location(compound=compound(at).code, building="3号楼", entrance="1单元", room="301室"),
        "reporter": Reporter(name="张某", phone="13800001234"),
    }
    return Submitted(**(fields | more))


def hand_in(
    at_desk: Desk, event: Submitted, id: str = "e1", channel: str = CHANNEL, at: datetime = T0
) -> Any:
    """Submits and lets intake finish; gives the appeal."""
    at_desk.settle(event, at, channel, id)
    return appeal(at_desk, id, channel)


def appeal(at_desk: Desk, id: str = "e1", channel: str = CHANNEL) -> Any:
    return at_desk.state(APPEALS, appeal_id(channel, id))


def dispatched(of: Any, at: datetime) -> CaseDispatched:
    return CaseDispatched(
        case_id=of.case_id,
        at=at,
        case_no=of.case_no,
        lead_agency="heating-zy",
        mode="self",
        urgency="urgent",
        nature="help",
        category=of.category,
        place=of.place,
        channel=of.channel,
        appeals=1,
        households=1,
        reported_at=of.reported_at,
        resolve_by=at + timedelta(days=2),
        policy="sample@1",
    )


def closed(of: Any, at: datetime, round: int = 0, **more: Any) -> CaseClosed:
    fields = {"outcome": "verified", "reply": "已修好，室温20度", "solved": True, "on_time": True} | more
    return CaseClosed(case_id=of.case_id, matter=of.matter, at=at, round=round, **fields)


def reopened(of: Any, at: datetime, round: int = 1) -> CaseReopened:
    return CaseReopened(
        case_id=of.case_id,
        matter=of.matter,
        case_no=of.case_no,
        at=at,
        round=round,
        lead_agency="heating-zy",
        reason="居民不认可",
    )


def join_refused(of: Any, at: datetime) -> CaseJoinRefused:
    return CaseJoinRefused(case_id=of.case_id, at=at, appeal_id=of.appeal_id, matter=of.matter)
