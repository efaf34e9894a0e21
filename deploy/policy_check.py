"""`nuanliu policy check`: everything that can be wrong with a pack, with file, line and key, before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from deploy.policy_phrases import phrase_faults
from shared.loop.envelope import now
from shared.policy.categories import CATCH_ALL
from shared.policy.jurisdiction import LANGUAGE, based_on, misfits, rules
from shared.policy.model import PolicyError, Problem, covers
from shared.policy.places import Places
from shared.policy.policy import Policy
from shared.policy.responsibility import KINDS, Ground, Row
from shared.policy.rules import When
from shared.policy.source import Source
from shared.policy.tenants import Tenants, areas

EVEN = 0.5


class Fault(NamedTuple):
    """What is wrong, and whether the pack cannot be used with it."""

    problem: Problem
    error: bool = True


class Found(NamedTuple):
    """A fault of the rules, not yet with its line."""

    loc: tuple[str | int, ...]
    what: str
    error: bool = True


def faults(root: Path) -> list[Fault]:
    """Everything that is wrong with the pack of a directory, by file and line."""
    files = _files(root)
    found = [Fault(problem) for path in files for problem in _unreadable(path)]
    if not found:
        found = list(_faults(root))
    for stray in sorted({*root.glob("*.yaml"), *(root / "policy").glob("*.yaml")} - set(files)):
        found.append(
            Fault(Problem(str(stray), 0, "", "没有人读这个文件 (nobody reads this file)"), error=False)
        )
    return sorted(set(found), key=lambda one: (one.problem.file, one.problem.line, one.problem.key))


def _files(root: Path) -> list[Path]:
    folder = root / "policy"
    base = based_on(folder)
    language = [folder / name for name in LANGUAGE if base is None or (folder / name).exists()]
    below = [] if base is None else [base / name for name in LANGUAGE]
    rest = [
        root / "places.yaml",
        folder / "policy.yaml",
        folder / "responsibility.yaml",
        root / "tenants.yaml",
    ]
    calendar = folder / "calendar.yaml"
    return [*rest, *language, *below, *([calendar] if calendar.exists() else [])]


def _unreadable(path: Path) -> list[Problem]:
    try:
        Source.read(path)
    except PolicyError as refused:
        return refused.problems
    return []


def _faults(root: Path) -> Iterator[Fault]:
    written = rules(root)
    for loc, what, error in phrase_faults(written.content()):
        yield Fault(written.problem(loc, what), error)
    places, policy = None, None
    try:
        places = Source.read(root / "places.yaml").checked(Places, str(root / "places.yaml"))
    except PolicyError as refused:
        yield from map(Fault, refused.problems)
    try:
        policy = written.checked(Policy, str(root / "policy"))
    except PolicyError as refused:
        yield from map(Fault, refused.problems)
    if places is None or policy is None:
        return
    for loc, what, error in (
        *_codes(policy),
        *_never(policy, places),
        *_clocks(policy),
        *_ground(policy, places),
        *_doubtful(policy),
        *(Found(("calendar",), one.text, error=False) for one in policy.warnings(now())),
    ):
        yield Fault(written.problem(loc, what), error)
    registry = Source.read(root / "tenants.yaml")
    try:
        tenants = registry.checked(Tenants, str(root / "tenants.yaml"), district=places.district.code)
    except PolicyError as refused:
        yield from map(Fault, refused.problems)
        return
    for misfit in misfits(tenants, places, policy):
        source = registry if misfit.part == "tenants" else written
        yield Fault(source.problem(misfit.loc, misfit.what))
    for loc, what, error in _leaderless(policy, tenants):
        yield Fault(written.problem(loc, what), error)
    for number, compound in enumerate(places.compounds):
        place = places.place(compound.code)
        run_by = compound.heating and compound.heating.run_by
        if place and run_by == "property_manager" and not tenants.agencies_for("property", place):
            what = f"{compound.code}: 二次管网由物业运行，却没有物业 (run by a property manager, but nobody manages it)"
            loc = ("compounds", number, "heating")
            yield Fault(Source.read(root / "places.yaml").problem(loc, what), error=False)


def _doubtful(policy: Policy) -> Iterator[Found]:
    """A bar for categories so low that cases would go out of which fewer than half are right."""
    if policy.confidence.category < EVEN:
        what = "不到五成把握的类别也会直接派遣 (what is more often wrong than right would go out without the desk)"
        yield Found(("confidence", "category"), what, error=False)


def _codes(policy: Policy) -> Iterator[Found]:
    """Category codes that no category has."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("deadlines", number, "when", "category"), rule.when.category)
        for number, rule in enumerate(policy.deadline_rules)
    ]
    named += [
        (("disclosure", n, "category"), rule.category) for n, rule in enumerate(policy.disclosure_rules)
    ]
    named += [(("merge_window", "by_category", code), code) for code in policy.merge_windows.by_category]
    named += [(("merge_by", code), code) for code in policy.merged_by]
    if policy.mass_incidents is not None:
        named += [
            (("mass_incident", "categories", n), code)
            for n, code in enumerate(policy.mass_incidents.categories)
        ]
    named += [
        (("responsibility", "rows", number, "category", position), code)
        for number, row in enumerate(policy.responsibility.rows)
        for position, code in enumerate(row.category)
    ]
    for loc, code in named:
        if not any(covers(code, category.code) for category in policy.tree.categories):
            yield Found(loc, f"没有这一类 (no such category): {code!r}")


def _never(policy: Policy, places: Places) -> Iterator[Found]:
    """Rules and rows that an earlier one never lets come to their turn."""
    whens = [rule.when for rule in policy.deadline_rules]
    for number, when in enumerate(whens):
        earlier = next((n for n, one in enumerate(whens[:number]) if _wider(one, when)), None)
        if earlier is not None:
            yield _hidden(("deadlines", number), earlier)
    told = policy.disclosure_rules
    for number, rule in enumerate(told):
        for earlier, one in enumerate(told[:number]):
            if covers(one.category, rule.category) and one.role in (None, rule.role):
                yield _hidden(("disclosure", number), earlier)
                break
    for number, before in hidden_rows(policy.responsibility.rows, places):
        yield _hidden(("responsibility", "rows", number), before)


def hidden_rows(rows: Sequence[Row], places: Places) -> Iterator[tuple[int, int]]:
    """(a row that can never hold, the earlier one that always does first), by their numbers."""
    for number, row in enumerate(rows):
        earlier = next((n for n, one in enumerate(rows[:number]) if _swallows(one, row, places)), None)
        if earlier is not None:
            yield number, earlier


def _hidden(loc: tuple[str | int, ...], earlier: int) -> Found:
    return Found(
        loc,
        f"永远轮不到：第 {earlier + 1} 条总是先满足 (never its turn: number {earlier + 1} always holds first)",
    )


def _wider(one: When, other: When) -> bool:
    return (
        covers(one.category, other.category)
        and one.urgency in (None, other.urgency)
        and one.nature in (None, other.nature)
    )


def _swallows(one: Row, other: Row, places: Places) -> bool:
    """Whether whatever the other row matches is matched by this one."""
    if one.category and not (
        other.category and all(any(covers(wide, code) for wide in one.category) for code in other.category)
    ):
        return False
    if one.area and not (other.area and all(_inside(area, one.area, places) for area in other.area)):
        return False
    if one.compound is not None and not (other.compound and one.compound.admits(other.compound)):
        return False
    return not one.when or (bool(other.when) and set(other.when) <= set(one.when))


def _inside(area: str, around: tuple[str, ...], places: Places) -> bool:
    place = places.place(area)
    return area in around or (
        place is not None and not set(areas(place, places.district.code)).isdisjoint(around)
    )


def _clocks(policy: Policy) -> Iterator[Found]:
    for number, rule in enumerate(policy.deadline_rules):
        steps = [span for span in (rule.accept, rule.contact, rule.arrive, rule.resolve) if span is not None]
        if steps != sorted(steps):
            what = "时限前后颠倒 (a later step is due before an earlier one)"
            yield Found(("deadlines", number), what, error=False)
    if abs(sum(policy.rating.weights.values()) - 1) > 0.001:
        yield Found(("rating", "weights"), "权重之和不是 1 (weights do not add up to 1)", error=False)


def _ground(policy: Policy, places: Places) -> Iterator[Found]:
    """Sources and stations that lie under no compound."""
    stations = [places.station_of(compound.code) for compound in places.compounds]
    known = {
        "source": {one.source for one in stations if one},
        "station": {one.code for one in stations if one},
    }
    for number, row in enumerate(policy.responsibility.rows):
        for key, names in known.items():
            wanted = getattr(row.compound or Ground(), key)
            if wanted is not None and wanted not in names:
                loc = ("responsibility", "rows", number, "compound", key)
                yield Found(loc, f"没有这个热源或换热站 (lies under no compound): {wanted!r}")


def _leaderless(policy: Policy, tenants: Tenants) -> Iterator[Found]:
    """Rows whose leads are nobody here, and categories that only the last row speaks of."""
    kinds = {tenant.agency_kind for tenant in tenants.serving("agency")}
    ids = {tenant.id for tenant in tenants.serving("agency")}
    rows = policy.responsibility.rows
    for number, row in enumerate(rows):
        known = all(who in KINDS or tenants.get(who) for who in row.lead)
        if row.lead and known and not any(who in kinds or who in ids for who in row.lead):
            what = f"无人牵头 (nobody of these is here to lead): {', '.join(row.lead)}"
            yield Found(("responsibility", "rows", number, "lead"), what)
    for number, category in enumerate(policy.tree.categories):
        spoken_of = policy.responsibility.about(category.code)
        if category.code != CATCH_ALL and spoken_of == (len(rows) - 1,):
            what = f"{category.code}: 无人认领，落到最后一行 (nobody is named; the last row takes it)"
            yield Found(("tree", "categories", number, "code"), what, error=False)


def check(
    packs: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="directories of packs")],
) -> None:
    """检查政策包：逐条指出文件、行、键和问题。 Name every problem of packs; ends with 1 on an error."""
    said = Console(soft_wrap=True, highlight=False, markup=False)
    wrong = 0
    for pack in packs:
        found = faults(pack)
        for problem, error in found:
            said.print(f"{'错误 error' if error else '警告 warning'} {problem}")
        errors = sum(fault.error for fault in found)
        wrong += errors
        verdict = "不可用 cannot be used" if errors else "可用 can be used"
        said.print(f"{pack}: {verdict}, 错误 errors {errors}, 警告 warnings {len(found) - errors}")
    if wrong:
        raise typer.Exit(1)
