"""The committed catalogue is true: every vector is read by the real reader and held against its schema."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from deploy import catalogue
from deploy.topology import handled_events
from shared.catalogue import words
from shared.catalogue.asyncapi import of_outsiders, of_service
from shared.catalogue.outside import EVENTS, OUTSIDERS
from shared.catalogue.page import page
from shared.catalogue.schemas import schema
from shared.catalogue.sheets import Sheets
from shared.catalogue.vectors import RECEIVED, vectors
from shared.contracts.base import CATALOGUE, Event, IngressEvent
from shared.contracts.streams import SERVICES
from shared.loop.envelope import Invalid, Letter, open_letter, read_ingress, read_own

ROOT = Path(__file__).resolve().parents[2] / "docs/contracts"
TYPES = {event.type: event for event in EVENTS}
SAID = [event for event in EVENTS if issubclass(event, IngressEvent)]
ELSEWHERE = "http://127.0.0.1:8001/docs/schemas"


@cache
def committed(kind: str, type: str) -> Any:
    return json.loads((ROOT / kind / f"{type}.json").read_text(encoding="utf-8"))


@cache
def judge(type: str) -> Draft202012Validator:
    return Draft202012Validator(committed("schemas", type))


def taken() -> Iterator[Any]:
    for type in TYPES:
        for vector in committed("vectors", type)["taken"]:
            for mode in ("binary", "structured"):
                yield pytest.param(
                    type, vector, mode, id=f"{type.removeprefix('nuanliu.')} {vector['name']} {mode}"
                )


def refused() -> Iterator[Any]:
    for event in SAID:
        for vector in committed("vectors", event.type)["refused"]:
            for mode in ("binary", "structured"):
                if mode in vector:
                    name = f"{event.type.removeprefix('nuanliu.')} {vector['name']} {mode}"
                    yield pytest.param(event.type, vector, mode, id=name)


def letter(message: dict[str, Any]) -> Letter:
    return open_letter(message["subject"], message["headers"], message["body"].encode())


def read(type: str, said: Letter, received: str = RECEIVED) -> Event:
    event = TYPES[type]
    if issubclass(event, IngressEvent):
        return read_ingress(said, event, datetime.fromisoformat(received))
    return read_own(said, event)


@pytest.mark.parametrize(("type", "vector", "mode"), list(taken()))
def test_a_vector_is_read_and_fits_its_schema(type: str, vector: dict[str, Any], mode: str) -> None:
    said = letter(vector[mode])

    event = read(type, said)

    assert said.type == type
    assert json.loads(said.data) == vector["data"]
    assert event.type == type
    assert list(judge(type).iter_errors(vector["data"])) == []


@pytest.mark.parametrize(("type", "vector", "mode"), list(refused()))
def test_a_vector_that_must_be_refused_is(type: str, vector: dict[str, Any], mode: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(type, letter(vector[mode]), vector["received"])

    assert [error.field for error in refused.value.errors] == [vector["field"]]
    assert vector["problem_has"] in refused.value.errors[0].problem


@pytest.mark.parametrize(("type", "vector", "mode"), list(refused()))
def test_the_schema_refuses_it_too_where_it_is_the_data_s_fault(
    type: str, vector: dict[str, Any], mode: str
) -> None:
    of_the_envelope = vector["field"] in ("id", "type", "specversion", "time", "data")
    of_the_hour = vector["problem_has"] == "ahead"
    if mode == "binary" and "data" in vector:
        assert judge(type).is_valid(vector["data"]) == (of_the_envelope or of_the_hour)


@pytest.mark.parametrize("event", SAID, ids=lambda event: event.type)
def test_every_event_outsiders_send_has_something_that_is_refused(event: type[Event]) -> None:
    assert {vector["field"] for vector in committed("vectors", event.type)["refused"]} >= {"id", "type"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_there_is_a_whole_and_a_bare_example(event: type[Event]) -> None:
    shown = {vector["name"]: vector["data"] for vector in committed("vectors", event.type)["taken"]}

    assert shown["full"].keys() >= shown["minimal"].keys()
    assert set(committed("schemas", event.type).get("required", ())) <= shown["minimal"].keys()
    for name in shown["minimal"]:
        bare = {other: value for other, value in shown["minimal"].items() if other != name}
        assert not judge(event.type).is_valid(bare), f"{name} is not needed"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-100, 200_000),
    st.floats(-100, 100, allow_nan=False).filter(lambda number: not number.is_integer()),
    st.text("ab \n冷", max_size=5),
    st.sampled_from(["satisfied", "other", "2026-11-18T08:20:00+08:00", "2026-11-18", "x" * 129, "x" * 4001]),
    st.just([]),
    st.just({}),
)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_reader_and_schema_agree_on_whatever_outsiders_say(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(SAID))
    body = copy.deepcopy(committed("vectors", event.type)["taken"][0]["data"])
    for _ in range(data.draw(st.integers(1, 3))):
        _spoil(body, data)

    try:
        read(event.type, Letter("1", event.type, None, json.dumps(body).encode()))
        read_it = True
    except Invalid:
        read_it = False

    assert judge(event.type).is_valid(body) == read_it, body


def _spoil(body: Any, data: st.DataObject) -> None:
    """Changes, drops or adds one thing somewhere."""
    while isinstance(body, (dict, list)) and body:
        places = sorted(body) if isinstance(body, dict) else list(range(len(body)))
        place = data.draw(st.sampled_from(places))
        if isinstance(body[place], (dict, list)) and body[place] and data.draw(st.booleans()):
            body = body[place]
            continue
        what = data.draw(st.sampled_from(["change", "drop", "add"]))
        if what == "change":
            body[place] = data.draw(VALUES)
        elif what == "drop":
            del body[place]
        elif isinstance(body, dict):
            body[data.draw(st.sampled_from(["urgency", "at", "note"]))] = data.draw(VALUES)
        else:
            body.append(data.draw(VALUES))
        return


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_schema_is_a_schema_at_its_own_address(event: type[Event]) -> None:
    one = committed("schemas", event.type)

    Draft202012Validator.check_schema(one)
    assert one["$id"] == f"{CATALOGUE}/{event.type}.json"
    assert schema(event, ELSEWHERE)["$id"] == f"{ELSEWHERE}/{event.type}.json"
    closed = issubclass(event, IngressEvent)
    assert all(part["additionalProperties"] is not closed for part in (one, *one.get("$defs", {}).values()))


def test_what_outsiders_are_sent_names_the_schema_they_can_fetch() -> None:
    for one in OUTSIDERS:
        for event in one.hears:
            for vector in vectors(event, ELSEWHERE)["taken"]:
                address = schema(event, ELSEWHERE)["$id"]
                assert vector["binary"]["headers"]["ce-dataschema"] == address
                assert json.loads(vector["structured"]["body"])["dataschema"] == address


def test_every_word_is_about_something() -> None:
    models = {event.__name__: event.model_fields.keys() for event in EVENTS}
    for event in EVENTS:
        for name, part in schema(event).get("$defs", {}).items():
            models[name] = part["properties"].keys()
    used = {f"{model}.{field}" for model, fields in models.items() for field in fields}
    used |= {field for fields in models.values() for field in fields}

    assert words.FIELDS.keys() - used == set()
    assert words.MODELS.keys() == models.keys()


DOCUMENTS = {
    "outsiders": of_outsiders(),
    **{service: of_service(service, handled_events([service])[service]) for service in SERVICES},
}


@pytest.fixture(scope="module")
def asyncapi() -> Draft7Validator:
    text = (Path(__file__).parent / "asyncapi-3.0.0.json").read_text(encoding="utf-8")
    return Draft7Validator(json.loads(text))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_asyncapi_document_is_valid_and_leads_nowhere_else(name: str, asyncapi: Draft7Validator) -> None:
    document = json.loads(json.dumps(DOCUMENTS[name]))

    assert [error.message for error in asyncapi.iter_errors(document)] == []
    for ref in references(document):
        assert ref.startswith("#/")
        found = document
        for step in ref.removeprefix("#/").split("/"):
            found = found[step]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def a_value(of: dict[str, Any]) -> Any:
    return next(iter(of.values()))


SPOILT_DOCUMENTS = {
    "no info": lambda document: document.pop("info"),
    "an action of version 2": lambda document: a_value(document["operations"]).update(action="publish"),
    "a channel with another key": lambda document: a_value(document["channels"]).update(subject="x"),
    "no payload but a number": lambda document: a_value(document["components"]["messages"]).update(payload=5),
    "no type there is": lambda document: a_value(document["components"]["schemas"]).update(type="text"),
    "a server without protocol": lambda document: document["servers"]["nats"].pop("protocol"),
}


@pytest.mark.parametrize("spoil", SPOILT_DOCUMENTS.values(), ids=SPOILT_DOCUMENTS.keys())
def test_the_judge_of_asyncapi_objects(spoil: Callable[[Any], Any], asyncapi: Draft7Validator) -> None:
    document = json.loads(json.dumps(of_outsiders()))

    spoil(document)

    assert not asyncapi.is_valid(document)


def test_outsiders_find_their_own_side_of_every_message() -> None:
    document = of_outsiders()

    actions = {name.partition(".")[2]: one["action"] for name, one in document["operations"].items()}
    assert actions == {
        event.type: "send" if issubclass(event, IngressEvent) else "receive" for event in EVENTS
    }
    assert {one["address"] for one in document["channels"].values()} == {event.pattern for event in EVENTS}


def test_the_committed_catalogue_is_what_the_contracts_make(tmp_path: Path) -> None:
    assert list(catalogue.stale()) == []

    spoilt = tmp_path / "contracts"
    shutil.copytree(ROOT, spoilt)
    (spoilt / "schemas/nuanliu.intake.urged.v1.json").write_text("{}\n", encoding="utf-8")
    (spoilt / "asyncapi.json").unlink()
    (spoilt / "vectors/nuanliu.intake.sung.v1.json").write_text("{}\n", encoding="utf-8")

    assert sorted(catalogue.stale(spoilt)) == [
        "docs/contracts/asyncapi.json: is missing",
        "docs/contracts/schemas/nuanliu.intake.urged.v1.json: is stale",
        "docs/contracts/vectors/nuanliu.intake.sung.v1.json: is no longer in the contracts",
    ]
    assert catalogue.write(spoilt) == 3
    assert list(catalogue.stale(spoilt)) == []


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.heads_without_scope = 0
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.add(tag)
        if tag[0] == "h" and tag[1:].isdigit():
            self.headings.append(int(tag[1:]))
        if tag == "th" and given.get("scope") not in ("col", "row"):
            self.heads_without_scope += 1
        if tag == "html":
            self.language = given.get("lang")
        if given.get("id"):
            assert given["id"] not in self.ids
            self.ids.add(str(given["id"]))
        if "href" in given:
            self.links.append(str(given["href"]))


def test_the_page_can_be_read_by_everybody() -> None:
    text = page(ELSEWHERE)
    seen = Seen(text)

    assert seen.language == "zh-CN"
    assert seen.headings[0] == 1
    assert seen.headings.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in zip(seen.headings, seen.headings[1:], strict=False))
    assert seen.heads_without_scope == 0
    assert not seen.tags & {"script", "link", "img", "iframe"}
    for event in EVENTS:
        assert event.type in seen.ids
        assert all(f"<code>{field}</code>" in text for field in event.model_fields)


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_page_leads_to_lies_beside_it(service: str) -> None:
    sheets = Sheets(service, handled_events([service])[service], ELSEWHERE)
    seen = Seen(page(ELSEWHERE))

    for link in seen.links:
        if link.startswith("#"):
            assert link[1:] in seen.ids
        else:
            assert sheets.get(link) is not None, link
    own = sheets.get("asyncapi.json")
    assert own is not None
    assert json.loads(own.text)["info"]["title"] == f"Nuanliu {service}"
    assert sheets.get("schemas/nuanliu.case.closed.v1.json") is None
