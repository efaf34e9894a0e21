"""What the guides say is so: the same in both languages, every field, the words of refusals, clients of their own."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator

import pytest

from shared.contracts import agency, channel, intake, response, revisit, team
from shared.contracts.agency import AgencyEvent
from shared.contracts.base import Event
from shared.contracts.intake import Notice
from tests.e2e.running import ROOT
from tests.guides.commands import CLIENTS, LANGUAGES, blocks, text_of

GUIDES = {"agency": (response, agency), "channel": (intake, channel), "team": (revisit, team)}
SAID_ONCE = {
    "response": set(AgencyEvent.model_fields),
    "notice": set(Notice.model_fields),
}
"""Root of a subject -> fields that all of its events have, named above the table and not in it."""

FIELDS = {"assignment_id", "in_reply_to?"}
"""One of these is among the fields of every event in a table of four columns."""

SPEAKING = ("services/response/domain", "services/revisit/domain", "services/intake/domain", "shared")
"""Where the words of a refusal are written."""


def rows(guide: str, language: str) -> Iterator[list[str]]:
    """The rows of all tables of a guide, without their heads."""
    for line in text_of(guide, language).splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def refusal(row: list[str]) -> bool:
    """Field, words of the problem, meaning, what to do; tables of events have fields in the second cell."""
    return len(row) == 4 and not any(name in FIELDS for name in code(row[1]))


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("guide", GUIDES)
def test_both_languages_give_the_same_commands(guide: str) -> None:
    chinese, english = (blocks(guide, language) for language in LANGUAGES)

    assert chinese == english


@pytest.mark.parametrize("guide", ["agency", "channel"])
def test_there_are_commands_of_both_sides(guide: str) -> None:
    assert {block.who for block in blocks(guide)} == {"centre", "partner"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("guide", GUIDES)
def test_every_field_of_every_event_is_named(guide: str, language: str) -> None:
    told = [(row[0].strip("`"), set(code(row[1]))) for row in rows(guide, language)]

    for event in (event for module in GUIDES[guide] for event in module.EVENTS if event.to_tenant):
        assert (event.pattern.split(".")[2], fields(event)) in told, event.pattern


def fields(event: type[Event]) -> set[str]:
    """As the tables write them."""
    common = SAID_ONCE.get(event.pattern.split(".")[0], set())
    return {
        name if field.is_required() else f"{name}?"
        for name, field in event.model_fields.items()
        if name not in common
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("guide", GUIDES)
def test_the_words_of_refusals_are_those_that_are_used(guide: str, language: str) -> None:
    used = "\n".join(
        path.read_text(encoding="utf-8") for folder in SPEAKING for path in (ROOT / folder).rglob("*.py")
    )
    words = [word for row in rows(guide, language) if refusal(row) for word in code(row[1])]

    assert words
    assert not [word for word in words if word not in used]


@pytest.mark.parametrize("language", LANGUAGES)
def test_agencies_are_told_of_every_refusal_that_the_code_can_give(language: str) -> None:
    words = [word for row in rows("agency", language) if refusal(row) for word in code(row[1])]
    given = {
        text
        for folder in ("shared/loop", "services/response/domain")
        for path in (ROOT / folder).rglob("*.py")
        for text in problems(path.read_text(encoding="utf-8"))
    }

    assert len(given) > 30
    assert not [text for text in given if not any(word in text for word in words)]


def problems(source: str) -> Iterator[str]:
    """What is said to outsiders: texts in Chinese with the English in brackets. What is filled in is left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            text = "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if re.search(r"[\u4e00-\u9fff].* \(.*\)$", text):
            yield text


def test_the_python_samples_import_nothing_but_nats() -> None:
    for sample in (CLIENTS / "python").glob("*.py"):
        tree = ast.parse(sample.read_text(encoding="utf-8"))
        imported = {
            name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
        }
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        outside = {name.split(".")[0] for name in imported} - sys.stdlib_module_names

        assert outside == {"nats"}, sample.name


def test_the_node_sample_imports_nothing_but_what_it_names() -> None:
    text = (CLIENTS / "node/agency.mjs").read_text(encoding="utf-8")
    imported = set(re.findall(r'^import .* from "([^"]+)";$', text, re.M))
    named = json.loads((CLIENTS / "node/package.json").read_text(encoding="utf-8"))["dependencies"]

    assert {name for name in imported if not name.startswith("node:")} == set(named)


def test_versions_are_exact() -> None:
    named = json.loads((CLIENTS / "node/package.json").read_text(encoding="utf-8"))["dependencies"]
    required = (CLIENTS / "python/requirements.txt").read_text(encoding="utf-8").split()

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in named.values())
    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\d.]+", line) for line in required)
