"""`nuanliu policy check` names file, line, key and problem of everything that is wrong, errors and warnings apart."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy import SAMPLE
from deploy.policy_check import check, faults
from deploy.registry.policies import copy_of
from shared.policy import load

LANZHOU = SAMPLE.parent / "lanzhou"


CLIMB = "supervision:\n  - {deadline: accept, overdue_by: "


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A small pack, complete in itself: what its link pointed to is copied along."""
    return copy_of(LANZHOU, tmp_path / "pack")


def put(pack: Path, file: str, old: str, new: str) -> int:
    """Replaces the first of these words; gives the line they begin on."""
    path = pack / file
    text = path.read_text(encoding="utf-8")
    before, found, after = text.partition(old)
    assert found
    path.write_text(before + new + after, encoding="utf-8")
    return before.count("\n") + 1


def errors(pack: Path) -> list[tuple[str, int, str, str]]:
    return [
        (str(Path(fault.problem.file).relative_to(pack)), *fault.problem[1:])
        for fault in faults(pack)
        if fault.error
    ]


def warnings(pack: Path) -> list[str]:
    return [str(fault.problem) for fault in faults(pack) if not fault.error]


@pytest.mark.parametrize("pack_that_ships", [SAMPLE, LANZHOU])
def test_the_packs_that_ship_have_no_errors(pack_that_ships: Path) -> None:
    assert [fault.problem for fault in faults(pack_that_ships) if fault.error] == []


def test_the_words_and_the_calendar_that_ship_leave_nothing_to_warn_of() -> None:
    said = warnings(SAMPLE)
    assert not [
        one for one in said if "words.yaml" in one or "categories.yaml" in one or "nobody reads" in one
    ]


RULES, ROWS, TREE, WORDS = (
    f"policy/{name}.yaml" for name in ("policy", "responsibility", "categories", "words")
)


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "named"),
    [
        (RULES, "rework_limit: 2", "rework_limits: 2", "rework_limits", "没有这个键"),
        (RULES, "retry_after: 20h", "retry_after: 20 h", "revisit.retry_after", "duration"),
        (RULES, "tries: 3", "tries: often", "revisit.tries", "整数"),
        (RULES, 'start: "11-01"', 'start: "11-31"', "season.start", "no day of a year"),
        (RULES, "Asia/Shanghai", "Asia/Lanzhou", "timezone", "time zone"),
        (RULES, "category: heating.fees", "category: heating.fee", "deadlines.3.when.category", "heating.fee"),
        (RULES, "    heating: 48h", "    heatin: 48h", "merge_window.by_category.heatin", "heatin"),
        (RULES, "heating.no_heat: station", "heat: station", "merge_by.heat", "no such category"),
        (RULES, "categories: [heating.no_heat", "categories: [heat", "mass_incident.categories.0", "no such category"),
        (RULES, CLIMB + "15m", CLIMB + "3h", "supervision", "each rung of accept comes later"),
        (RULES, "deadline: arrive, overdue_by: 1h", "deadline: come, overdue_by: 1h", "supervision.4.deadline", "不是"),
        ("policy/calendar.yaml", "14:30-18:00", "14:30-13:00", "calendar.hours.1", "working hours are written"),
        (RULES, "urgency: urgent}", "urgency: urgend}", "deadlines.5.when.urgency", "不是允许的值"),
        ("policy/calendar.yaml", "2026-11-01", "2026-11-31", "days_worked.0.day", "2026-11-31"),
        (RULES, "rework_limit: 2", "rework_limit: !!int ''", "rework_limit", "''"),
        (RULES, "rework_limit: 2", "2026-02-30: 2", "", "2026-02-30"),
        (RULES, "{start: 2025-10-28", "{start: 2025-10-38", "season.years.2025.start", "2025-10-38"),
        (RULES, "rework_limit: 2", "version: again", "version", "写了两次"),
        (RULES, "  tries: 3", "  tries: [3", "", "YAML"),
        (ROWS, "lead: [heating-hebei]", "lead: [heating-hebe]", "responsibility.rows.3.lead", "heating-hebe"),
        (ROWS, "assist: [property, housing]", "assists: [housing]", "responsibility.rows.3.assists", "没有这个键"),
        (ROWS, "category: [water]", "category: [wather]", "responsibility.rows.20.category.0", "wather"),
        (ROWS, "category: [water]", "category: [city.lamps]", "responsibility.rows.20", "永远轮不到"),
        (ROWS, "source: 河北热电厂", "source: 河南热电厂", "responsibility.rows.3.compound.source", "河南热电厂"),
        (ROWS, "when: [走失|走丢|失踪]", "when: [走失~!走]", "responsibility.rows.27.when.0", "永远不成立"),
        (ROWS, "when: [走失|走丢|失踪]", "when: ['{走失}']", "responsibility.rows.27.when.0", "没有这个词组"),
        (ROWS, "when: [走失|走丢|失踪]", "when: ['[高温]']", "responsibility.rows.27.when.0", "没有这个记号"),
        (ROWS, "lead: [power]", "lead: [developer]", "responsibility.rows.21.lead", "无人牵头"),
        (ROWS, "area: lz-01-01", "area: lz-09", "responsibility.duty.0.area", "不是地点"),
        (TREE, "urgency: urgent", "urgency: soon", "tree.categories.7.urgency", "不是允许的值"),
        (WORDS, "elsewhere:", "elsewere:", "tree.signals.elsewere", "没有这个键"),
        ("tenants.yaml", "serves: [lz-01-01]", "serves: [lz-01-09]", "tenants.15.serves", "lz-01-09"),
        ("tenants.yaml", "kind: team", "kind: teem", "tenants.20.kind", "不是允许的值"),
        ("places.yaml", "buildings: 9", "buildings: 0", "compounds.1.buildings", "太小"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_line_and_key(
    pack: Path, file: str, old: str, new: str, key: str, named: str
) -> None:
    line = put(pack, file, old, new)

    found = [one for one in errors(pack) if named in one[3]]

    assert [(one[0], one[2]) for one in found] == [(file, key)]
    assert abs(found[0][1] - line) <= (1 if key.endswith("rows.20") or not key else 0)


def test_what_is_missing_is_named_in_the_file_that_should_say_it(pack: Path) -> None:
    put(pack, RULES, "rework_limit: 2", "# no limit")
    assert [(file, key) for file, _, key, _ in errors(pack)] == [(RULES, "rework_limit")]


def test_rules_that_leave_something_open_are_named_where_they_begin(pack: Path) -> None:
    line = put(pack, RULES, "deadlines:", "deadlines:")
    put(pack, RULES, "  - clock: working_hours\n", "  - when: {category: city}\n    clock: working_hours\n")
    assert [one[:3] for one in errors(pack)] == [(RULES, line, "deadlines")]


def test_every_mistake_is_named_at_once(pack: Path) -> None:
    put(pack, RULES, "tries: 3", "tries: often")
    put(pack, "places.yaml", "buildings: 9", "buildings: 0")
    put(pack, ROWS, "when: [走失|走丢|失踪]", "when: ['{走失}']")
    assert {file for file, *_ in errors(pack)} >= {RULES, "places.yaml", ROWS}


def test_what_is_wrong_in_the_language_below_names_the_file_below(pack: Path) -> None:
    line = put(pack, "policy/base/categories.yaml", "mode: taskforce", "mode: tasks")
    assert [(file, at) for file, at, *_ in errors(pack)] == [("policy/base/categories.yaml", line)]


def test_a_language_that_is_not_there_is_named(pack: Path) -> None:
    shutil.rmtree(pack / "policy" / "base")
    (pack / "policy" / "base").symlink_to("../../gone/policy")
    assert {file for file, *_ in errors(pack)} == {
        "policy/base/categories.yaml",
        "policy/base/words.yaml",
    }


def test_a_language_below_may_be_a_link_a_copy_or_a_file_with_the_links_target(tmp_path: Path) -> None:
    copied = copy_of(LANZHOU, tmp_path / "copied")
    beside = copy_of(LANZHOU, tmp_path / "beside")
    copy_of(SAMPLE, tmp_path / "sample")
    shutil.rmtree(beside / "policy" / "base")

    (beside / "policy" / "base").symlink_to("../../sample/policy")
    linked = load(beside).policy.tree.model_dump()
    (beside / "policy" / "base").unlink()
    (beside / "policy" / "base").write_text("../../sample/policy\n", encoding="utf-8")
    named = load(beside).policy.tree.model_dump()

    assert load(copied).policy.tree.model_dump() == linked == named
    copy_of(beside, tmp_path / "again")
    assert (tmp_path / "again" / "policy" / "base").is_dir()


def test_what_can_be_used_all_the_same_is_a_warning(pack: Path) -> None:
    put(pack, ROWS, "category: [construction, planning, land]", "category: [construction, planning]")
    put(pack, ROWS, "when: [走失|走丢|失踪]", "when: [走失|走丢|失踪, 走丢|失踪|走失]")
    put(pack, RULES, "contact: 30m\n    arrive: 1h", "contact: 2h\n    arrive: 1h")
    put(pack, "tenants.yaml", "serves: [l001, l002, l005]", "serves: [l002, l005]")

    put(pack, RULES, "confidence: {category: 0.75", "confidence: {category: 0.35")

    (pack / "policy" / "word.yaml").write_text("elsewhere: []\n", encoding="utf-8")

    found = "\n".join(warnings(pack))

    assert errors(pack) == []
    for named in (
        "land.minerals: 无人认领",
        "重复",
        "前后颠倒",
        "l001: 二次管网由物业运行",
        "word.yaml: 没有人读",
        "confidence.category: 不到五成把握",
    ):
        assert named in found
    assert load(pack)


def test_the_command_ends_with_one_on_an_error_and_says_both_languages(pack: Path) -> None:
    app = typer.Typer()
    app.command()(check)
    fine = CliRunner().invoke(app, [str(SAMPLE), str(LANZHOU)])
    assert fine.exit_code == 0
    assert fine.output.count("可用 can be used") == 2

    line = put(pack, RULES, "rework_limit: 2", "rework_limits: 2")
    wrong = CliRunner().invoke(app, [str(SAMPLE), str(pack)])

    assert wrong.exit_code == 1
    assert f"错误 error {pack}/{RULES}:{line}: rework_limits: 没有这个键" in wrong.output
    assert "不可用 cannot be used" in wrong.output
