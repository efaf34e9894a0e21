"""What the documents say of the code is true: who publishes and consumes what, settings, figures, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from services.metrics.domain.indicators import FORMULAS
from services.metrics.exposition import figures
from shared.contracts.base import Event
from shared.contracts.streams import SERVICES
from shared.policy import load
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "services/*/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)
OUTSIDERS = {"channel": "channels", "agency": "agencies", "team": "teams"}
IN_CHINESE = {"渠道": "channels", "承办单位": "agencies", "网格队": "teams"}
HEARD_BY = {"notice": "channels", "dispatch": "agencies", "revisit": "teams"}
TENANT = {"intake": "channel", "notice": "channel", "dispatch": "agency", "response": "agency"}
NOBODY = {"nobody yet", "暂无"}
PAGES = {"DESIGN": "docs/architecture.md", "DOMAIN": "docs/domain.md", "CONTRACTS": "docs/contracts.md"}
SECTIONS = {"channel": "1", "intake": "1", "response": "2", "agency": "3", "revisit": "4", "team": "4"}


def published() -> dict[type[Event], str]:
    """Every event -> who publishes it."""
    modules = {**OUTSIDERS, **{name: name for name in SERVICES if name != "metrics"}}
    return {
        event: who
        for module, who in modules.items()
        for event in import_module(f"shared.contracts.{module}").EVENTS
    }


def handled(service: str) -> list[type[Event]]:
    events: list[type[Event]] = import_module(f"services.{service}.handlers").events()
    return events


def as_written(event: type[Event]) -> str:
    """The subject as the table writes it: the kind of tenant by name, no version."""
    root = event.pattern.split(".")[0]
    return event.pattern.replace("{tenant}", f"<{TENANT.get(root, 'team')}>").removesuffix(".v1")


def in_the_code() -> dict[str, tuple[str, frozenset[str]]]:
    """Subject -> publisher, consumers."""
    table = {}
    for event, publisher in published().items():
        consumers = {service for service in SERVICES if event in handled(service)}
        root = event.pattern.split(".")[0]
        if event.to_tenant and root in HEARD_BY:
            consumers.add(HEARD_BY[root])
        table[as_written(event)] = (publisher, frozenset(consumers))
    return table


def in_the_table(readme: str) -> dict[str, tuple[str, frozenset[str]]]:
    table: dict[str, tuple[str, frozenset[str]]] = {}
    for subjects, publisher, consumers in rows(readme, 3):
        for subject in expanded(subjects.strip("`")):
            assert subject not in table, f"{subject} has two rows"
            heard = frozenset(
                IN_CHINESE.get(name, name) for name in consumers.split(", ") if name not in NOBODY
            )
            table[subject] = (IN_CHINESE.get(publisher, publisher), heard)
    return table


def rows(document: str, cells: int) -> Iterator[list[str]]:
    """The rows of all tables of so many columns whose first cell is code."""
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        found = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(found) == cells and "." in found[0]:
            yield found


def sections(document: str) -> dict[str, str]:
    """The numbered sections of a document, by number."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return dict(re.findall(r"^## (\d)\. (.*?)(?=^## |\Z)", text, re.M | re.S))


def expanded(written: str) -> list[str]:
    """`case.{resolved, closed}` is two subjects."""
    root, brace, rest = written.partition("{")
    return [root + name for name in rest.rstrip("}").split(", ")] if brace else [written]


@pytest.mark.parametrize("readme", READMES)
def test_the_table_of_subjects_is_what_the_code_does(readme: str) -> None:
    told = in_the_table(readme)
    true = {subject: who for subject, who in in_the_code().items() if not subject.startswith("inner.")}

    assert told == true


def test_what_is_inner_stays_inside() -> None:
    for subject, (publisher, consumers) in in_the_code().items():
        if subject.startswith("inner."):
            assert consumers == {publisher}, subject


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_readme_names_every_event_it_consumes(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")

    unnamed = [
        event.pattern
        for event in handled(service)
        if not re.search(rf"\b{event.pattern.split('.')[-2]}\b", text)
        and f"`{as_written(event).rpartition('.')[0]}.*`" not in text
    ]

    assert not unnamed


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_readme_names_every_collection(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    kept = import_module(f"services.{service}.store").COLLECTIONS

    assert not [collection.name for collection in kept if f"`{collection.name}`" not in text]


def test_the_settings_are_those_of_a_service() -> None:
    told = {
        name.strip("`").removeprefix("NUANLIU_").lower(): default.strip("`")
        for line in (ROOT / "docs/running.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `NUANLIU_")
        for name, default in [[cell.strip() for cell in line.strip("|").split("|")][:2]]
    }

    assert told == {
        name: str(field.default) if field.default not in (None, "", ()) else ""
        for name, field in Settings.model_fields.items()
    }


def test_every_figure_is_explained() -> None:
    text = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    shown = {family.name for family in figures([], load(ROOT / "deploy/packs/nuanhe"), date(2025, 11, 15))}
    shown |= {"nuanliu_figures_timestamp_seconds", "nuanliu_event_lag", "nuanliu_dead_letters"}
    shown |= {"nuanliu_loop_messages"}

    assert not [name for name in shown if f"`{name}" not in text]


@pytest.mark.parametrize("module", SECTIONS)
def test_the_page_for_outsiders_names_every_field(module: str) -> None:
    section = sections("docs/contracts.md")[SECTIONS[module]]
    told = {
        verb.strip("`"): fields
        for line in section.splitlines()
        if line.startswith("| `") and len(found := [cell.strip() for cell in line.strip("|").split("|")]) == 3
        for verb, fields, _ in [found]
    }

    for event in import_module(f"shared.contracts.{module}").EVENTS:
        if event.to_tenant:
            fields = ", ".join(
                f"`{name}`" if field.is_required() else f"`{name}?`"
                for name, field in event.model_fields.items()
            )
            assert told[event.pattern.split(".")[-2]] == fields, event.pattern


def test_what_the_code_refers_to_has_a_section() -> None:
    known = {page: sections(document) for page, document in PAGES.items()}
    referred = {
        (page, number, path.relative_to(ROOT).as_posix())
        for folder in ("services", "shared", "deploy", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".yaml")
        for page, number in re.findall(rf"\b({'|'.join(PAGES)}) (\d)", path.read_text(encoding="utf-8"))
    }

    assert {page for page, _, _ in referred} == set(PAGES)
    assert not [reference for reference in referred if reference[1] not in known[reference[0]]]


def test_every_indicator_is_defined() -> None:
    text = sections("docs/domain.md")["5"]

    assert not [name for name in FORMULAS if f"`{name}`" not in text]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_paths_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    paths = re.findall(r"`((?:services|shared|deploy|tests|docs)/[\w./-]*)`", text)

    missing = [link for link in links if not ((ROOT / document).parent / link).exists()]
    missing += [path for path in paths if not (ROOT / path).exists()]

    assert not missing


def test_every_decision_is_listed_by_its_title() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")

    for page in sorted(folder.glob("0*.md")):
        number, title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        assert f"* [{number}]({page.name}) {title}\n" in listed
