"""Which deadlines wait for office hours: what the pack says, and what it may not say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
import yaml

from deploy import SAMPLE
from shared.contracts.values import Nature
from shared.policy import PolicyError, load
from shared.policy.model import Days
from shared.policy.policy import Policy

HERE = load(SAMPLE).policy
WINTER = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "pack")
    return tmp_path / "pack"


def with_rules(pack: Path, change: Callable[[dict[str, Any]], Any]) -> Policy:
    path = pack / "policy" / "policy.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load(pack).policy


def test_heat_danger_and_what_is_urgent_never_wait_for_office_hours() -> None:
    for category in HERE.tree.categories:
        for nature in get_args(Nature):
            assert HERE.deadlines(category.code, "emergency", nature).clock == "around_the_clock"
            assert HERE.deadlines(category.code, "urgent", nature).clock == "around_the_clock"
            if category.code.startswith("heating"):
                assert HERE.deadlines(category.code, "normal", nature).clock == "around_the_clock"


def test_general_and_complex_matters_do() -> None:
    assert HERE.deadlines("other", "normal", "help").clock == "working_hours"
    assert HERE.deadlines("housing.title", "normal", "help").clock == "working_hours"
    assert HERE.deadlines("heating.fees", "normal", "suggestion").clock == "around_the_clock"


def test_seven_days_of_a_general_matter_are_working_days_and_of_heat_are_days() -> None:
    at = datetime(2025, 9, 30, 16, tzinfo=WINTER)
    general, heat = (HERE.deadlines(code, "normal", "help") for code in ("other", "heating.no_heat"))
    assert HERE.due(at, general.resolve, general.clock) == datetime(2025, 10, 16, 18, tzinfo=WINTER)
    assert HERE.due(at, heat.resolve, heat.clock) == at + timedelta(days=7)


def test_whenever_a_matter_begins_its_steps_are_due_in_their_order() -> None:
    for hour in range(0, 24 * 30, 3):
        at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=hour)
        for rule in HERE.deadline_rules:
            spans = [span for span in (rule.accept, rule.contact, rule.arrive, rule.resolve) if span]
            due = [HERE.due(at, span, rule.clock) for span in spans]
            assert at < due[0]
            assert due == sorted(due)


def test_a_pack_without_working_hours_needs_no_calendar_and_misses_no_year(pack: Path) -> None:
    (pack / "policy" / "calendar.yaml").unlink()
    policy = with_rules(pack, lambda c: [rule.pop("clock", None) for rule in c["deadlines"]])
    assert policy.calendar is None
    assert policy.warnings(datetime(2150, 1, 1, tzinfo=UTC)) == ()


def test_nor_does_one_that_has_a_calendar_nothing_counts_by(pack: Path) -> None:
    policy = with_rules(pack, lambda c: [rule.pop("clock", None) for rule in c["deadlines"]])
    assert policy.warnings(datetime(2150, 1, 1, tzinfo=UTC)) == ()


def test_a_missing_year_is_told_by_the_policy() -> None:
    assert [one.year for one in HERE.warnings(datetime(2026, 11, 28, tzinfo=UTC))] == [2027]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c["deadlines"][0].update(clock="working_hours"), "an emergency of"),
        (lambda c: c["deadlines"][-1].update(clock="office"), r"deadlines\.11\.clock"),
        (lambda c: c["deadlines"][-1].update(resolve="1.5d"), "resolve: working days are whole"),
        (lambda c: c["deadlines"][-1].update(accept="0h"), "accept: more than nothing"),
        (lambda c: c["deadlines"][-1].update(resolve="400d"), "resolve: more than nothing and at most 366 d"),
        (lambda c: c["season"]["years"].update({2026: {"end": "2026-03-20"}}), "years.2026.end"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_by_name(pack: Path, change: Any, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        with_rules(pack, change)


def test_working_hours_without_a_calendar_are_refused(pack: Path) -> None:
    (pack / "policy" / "calendar.yaml").unlink()
    with pytest.raises(PolicyError, match=r"deadlines\.\d+\.clock.*no calendar\.yaml"):
        load(pack)


def test_a_mistake_in_the_calendar_is_refused_with_its_key(pack: Path) -> None:
    path = pack / "policy" / "calendar.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("08:30-12:00", "08:30-08:00"), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"calendar\.hours\.0"):
        load(pack)


def test_a_span_keeps_the_unit_it_was_written_in() -> None:
    general = HERE.deadlines("other", "normal", "help")
    assert isinstance(general.resolve, Days)
    assert not isinstance(general.accept, Days)
