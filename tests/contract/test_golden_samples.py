"""What was said under a contract once must be readable for ever, and what was refused by name stays refused.

`golden/<type>.json` is a sample of an event with all its fields; those of events that outsiders meet are published, and
lie with the contracts (`shared/contracts/examples`). A sample is never edited: a field that is added later gets a
further one, `<type>.<what>.json`, and the old one still has to be understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import agency, channel, examples, intake, response, revisit, routing, team
from shared.contracts.base import Event, IngressEvent
from shared.loop.envelope import Invalid, Letter, read_ingress, read_own

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = Path(examples.__file__).parent
NOON = datetime(2027, 6, 1, 4, 0, tzinfo=UTC)
REFUSED_AT = datetime.fromisoformat("2026-11-18T12:00:00+08:00")
TYPES: dict[str, type[Event]] = {
    event.type: event
    for module in (channel, agency, team, intake, routing, response, revisit)
    for event in module.EVENTS
}
SAMPLES = sorted(path for place in (GOLDEN, PUBLISHED) for path in place.glob("nuanliu.*.json"))
REFUSED: list[dict[str, Any]] = [refusal for type in TYPES for refusal in examples.refusals(type)]


def type_of(sample: Path) -> str:
    """The event type that a sample is of: everything up to its version."""
    parts = sample.name.split(".")
    version = next(index for index, part in enumerate(parts) if part[0] == "v" and part[1:].isdigit())
    return ".".join(parts[: version + 1])


def read(event: type[Event], body: bytes, receipt: datetime = NOON) -> Event:
    """As the loop reads it: outsiders' events strictly, our own tolerantly."""
    letter = Letter("sample", event.type, None, body)
    if issubclass(event, IngressEvent):
        return read_ingress(letter, event, receipt)
    return read_own(letter, event)


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything said, times as moments."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{where}.{index}")
    else:
        yield where, _moment(value)


def _moment(value: Any) -> Any:
    if isinstance(value, str) and "T" in value and ":" in value:
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_still_understood_and_nothing_of_it_is_lost(sample: Path) -> None:
    said = sample.read_bytes()

    event = read(TYPES[type_of(sample)], said)

    again = event.model_dump_json(exclude_none=True).encode()
    assert read(type(event), again) == event
    kept = dict(leaves(json.loads(again)))
    assert {path: kept.get(path) for path, _ in leaves(json.loads(said))} == dict(leaves(json.loads(said)))


@pytest.mark.parametrize("type", TYPES)
def test_every_field_of_every_event_is_in_a_sample(type: str) -> None:
    shown = {
        name
        for sample in SAMPLES
        if type_of(sample) == type
        for name in json.loads(sample.read_text(encoding="utf-8"))
    }
    only_when_there = {"satisfaction"} if type == "nuanliu.verification.unverified.v1" else set()
    assert TYPES[type].model_fields.keys() - only_when_there == shown


@pytest.mark.parametrize(
    "type", [type for type, event in TYPES.items() if not issubclass(event, IngressEvent)]
)
def test_a_later_publishers_fields_are_ignored(type: str) -> None:
    whole = next(path for path in SAMPLES if path.name == f"{type}.json")
    sample = json.loads(whole.read_text(encoding="utf-8"))

    event = read(TYPES[type], json.dumps(sample | {"of_a_later_version": {"x": 1}}).encode())

    assert event == read(TYPES[type], json.dumps(sample).encode())


@pytest.mark.parametrize("sent", REFUSED, ids=lambda sent: f"{sent['type'].split('.')[2]} {sent['field']}")
def test_what_was_refused_by_name_still_is(sent: dict[str, Any]) -> None:
    body = sent["body"] if "body" in sent else json.dumps(sent["data"])

    with pytest.raises(Invalid) as refused:
        read(TYPES[sent["type"]], body.encode(), REFUSED_AT)

    assert [error.field for error in refused.value.errors] == [sent["field"]]
    assert sent["problem"] in refused.value.errors[0].problem


def test_a_refusal_is_tried_of_every_event_outsiders_send() -> None:
    tried = {sent["type"] for sent in REFUSED}
    outsiders = {type for type, event in TYPES.items() if issubclass(event, IngressEvent)}
    without_rules_of_their_own = {"nuanliu.response.progressed.v1", "nuanliu.intake.supplemented.v1"}
    assert outsiders - without_rules_of_their_own == tried
