"""What outsiders and we ourselves may put into an envelope, and what is said of everything else."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared.contracts.base import CATALOGUE
from shared.loop import reading
from shared.loop.bus import Delivery
from shared.loop.decision import Input, Out
from shared.loop.envelope import MAX_ERRORS, MAX_NAME, Invalid, digest, open_letter, outgoing
from shared.loop.reading import Task, read
from tests.support.fakes import START, FakeBus
from tests.support.messages import binary, own, said, structured
from tests.support.sample import AGENCY, Added, Counted, Heard, Said, handlers

TYPE = "nuanliu.response.said.v1"
SUBJECT = f"response.{AGENCY}.said.v1"
GOOD: dict[str, Any] = {"counter": "a", "at": "2026-11-15T16:00:00+08:00"}


def task(delivery: Delivery) -> Task:
    read_task = read(delivery, handlers, "wall")
    assert read_task is not None
    return read_task


def errors(delivery: Delivery) -> dict[str, str]:
    with pytest.raises(Invalid) as invalid:
        read(delivery, handlers, "wall")
    return {error.field: error.problem for error in invalid.value.errors}


def sent(data: bytes, headers: dict[str, str] | None, subject: str = SUBJECT) -> Delivery:
    return FakeBus().put(subject, headers, data)


def test_binary_mode() -> None:
    read_task = task(said(FakeBus(), GOOD | {"word": "暖气不热"}, id="one"))
    assert read_task.event == Said.model_validate(GOOD | {"word": "暖气不热"})
    assert (read_task.input.id, read_task.input.tenant, read_task.input.at) == ("one", AGENCY, START)


def test_structured_mode_says_the_same() -> None:
    content = {"content-type": "application/cloudevents+json; charset=utf-8"}
    one = task(sent(structured(TYPE, GOOD, id="one"), content))
    other = task(said(FakeBus(), GOOD, id="one"))
    assert (one.event, one.input) == (other.event, other.input)


def test_header_names_in_any_case_and_values_percent_encoded() -> None:
    headers = {name.upper(): value for name, value in binary(TYPE, id=quote("第一")).items()}
    assert task(sent(json.dumps(GOOD).encode(), headers)).input.id == "第一"


def test_our_own_events_are_read_tolerantly_and_at_their_own_time() -> None:
    time = START - timedelta(hours=3)
    delivery = own(FakeBus(), Added(counter="a"), id="x", time=time)
    newer = Delivery(
        "INNER", 1, 1, START, delivery.subject, delivery.headers, b'{"counter":"a","newer":1}', delivery.reply
    )
    read_task = task(newer)
    assert read_task.event == Added(counter="a")
    assert read_task.input == Input("x", time)


def test_an_event_of_ours_that_nobody_here_knows_is_no_error() -> None:
    delivery = FakeBus().put("inner.intake.unheard.v1", binary("nuanliu.inner.intake.unheard.v1"), b"{}")
    assert read(delivery, handlers, "wall") is None


BAD_BODIES: list[tuple[bytes, str, str]] = [
    (b"{", "data", "not JSON"),
    (b"", "data", "not JSON"),
    (b'{"counter": "\xff"}', "data", "not UTF-8 at byte 14"),
    (json.dumps(GOOD).encode("utf-8-sig"), "data", "byte order mark"),
    (json.dumps(GOOD).encode("utf-16"), "data", "is UTF-16"),
    (json.dumps(GOOD).encode("utf-16-be"), "data", "is UTF-16"),
    (json.dumps(GOOD).encode("utf-16-le"), "data", "is UTF-16"),
    (json.dumps(GOOD).encode("utf-32"), "data", "is UTF-32"),
    (json.dumps(GOOD | {"counter": "三号"}, ensure_ascii=False).encode("gbk"), "data", "not UTF-8"),
    (gzip.compress(json.dumps(GOOD).encode(), mtime=0), "data", "gzip"),
    (b'{"counter": "\\ud800", "at": "2026-11-15T16:00:00Z"}', "data", "not JSON"),
    (b"[" * 5000, "data", "nested too deeply"),
    (
        json.dumps(GOOD)[:-1].encode() + b', "x": ' + b"[" * 300 + b"]" * 300 + b"}",
        "data",
        "nested too deeply",
    ),
    (b"[]", "data", "object"),
    (b"null", "data", "object"),
    (json.dumps(GOOD | {"extra": 1}).encode(), "extra", "unknown field"),
    (json.dumps(GOOD | {"amount": "3"}).encode(), "amount", "integer"),
    (json.dumps(GOOD | {"amount": 1.5}).encode(), "amount", "integer"),
    (json.dumps(GOOD | {"amount": True}).encode(), "amount", "integer"),
    (json.dumps(GOOD | {"amount": 10**30}).encode(), "amount", ""),
    (json.dumps(GOOD | {"amount": -1}).encode(), "amount", "greater"),
    (json.dumps({"at": GOOD["at"]}).encode(), "counter", "is required"),
    (json.dumps(GOOD | {"counter": None}).encode(), "counter", "string"),
    (json.dumps(GOOD | {"at": "2026-11-15T16:00:00"}).encode(), "at", "offset"),
    (json.dumps(GOOD | {"at": "2026-11-15"}).encode(), "at", "offset"),
    (json.dumps(GOOD | {"at": 1_763_190_000}).encode(), "at", "offset"),
    (json.dumps(GOOD | {"at": "2026-13-15T16:00:00Z"}).encode(), "at", "no such day"),
    (json.dumps(GOOD | {"at": "0001-01-01T00:00:00+08:00"}).encode(), "at", "no such day"),
    (json.dumps(GOOD | {"at": "9999-12-31T23:59:59-08:00"}).encode(), "at", "no such day"),
    (json.dumps(GOOD | {"at": "9999-12-31T23:59:59Z"}).encode(), "at", "no such day"),
    (json.dumps(GOOD | {"at": "0001-01-01T00:00:00Z"}).encode(), "at", "no such day"),
    (json.dumps(GOOD | {"at": "2026-11-15T16:05:01+08:00"}).encode(), "at", "5 minutes ahead"),
]


@pytest.mark.parametrize(("body", "field", "problem"), BAD_BODIES)
def test_a_bad_body_is_named_by_field(body: bytes, field: str, problem: str) -> None:
    found = errors(sent(body, binary(TYPE)))
    assert list(found) == [field]
    assert problem in found[field]


def test_a_clock_five_minutes_fast_is_taken() -> None:
    task(said(FakeBus(), GOOD | {"at": "2026-11-15T16:05:00+08:00"}))


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "x" * 257}, "id"),
        ({"id": "a%0Ab"}, "id"),
        ({"source": None}, "source"),
        ({"specversion": None}, "specversion"),
        ({"specversion": "0.3"}, "specversion"),
        ({"type": None}, "type"),
        ({"type": "nuanliu.response.accepted.v1"}, "type"),
        ({"time": "2026-11-15 16:00"}, "time"),
        ({"time": "2026-11-15T16:00:00"}, "time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time"),
        ({"time": "2026-11-15T17:00:00+08:00"}, "time"),
        ({"content_type": "text/plain"}, "content-type"),
    ],
)
def test_a_bad_attribute_is_named(attributes: dict[str, str | None], field: str) -> None:
    headers = binary(TYPE)
    for name, value in attributes.items():
        key = "content-type" if name == "content_type" else f"ce-{name}"
        if value is None:
            del headers[key]
        else:
            headers[key] = value
    assert list(errors(sent(json.dumps(GOOD).encode(), headers))) == [field]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (b"{", "data"),
        (b"[]", "data"),
        (structured(TYPE, None), "data"),
        (structured(TYPE, GOOD, id=7), "id"),  # type: ignore[arg-type]
        (structured(TYPE, GOOD, source=None), "source"),
        (structured(TYPE, GOOD, time=1), "time"),
        (structured("nuanliu.response.accepted.v1", GOOD), "type"),
        (structured(TYPE, GOOD | {"extra": {}}), "extra"),
    ],
)
def test_a_bad_structured_event_is_named(event: bytes, field: str) -> None:
    assert list(errors(sent(event, {"content-type": "application/cloudevents+json"}))) == [field]


@pytest.mark.parametrize("levels", [254, 300, 1000, 5000])
def test_a_structured_event_that_is_nested_too_deeply_is_named(levels: int) -> None:
    event = structured(TYPE, GOOD | {"x": "DEEP"}).replace(b'"DEEP"', b"[" * levels + b"]" * levels)
    found = errors(sent(event, {"content-type": "application/cloudevents+json"}))
    assert found == {"data": "嵌套过深 (nested too deeply)"}


def test_an_outsiders_letter_that_makes_our_reading_raise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(reading, "open_letter", defect)
    assert errors(said(FakeBus(), GOOD)) == {"data": "无法读取 (cannot be read)"}
    with pytest.raises(ZeroDivisionError):
        read(own(FakeBus(), Added(counter="a")), handlers, "wall")


def test_no_headers_at_all() -> None:
    assert set(errors(sent(json.dumps(GOOD).encode(), None))) == {"id", "source", "specversion", "type"}


def test_an_unknown_verb_is_named_by_its_type() -> None:
    found = errors(said(FakeBus(), GOOD, verb="shouted"))
    assert found == {"type": "没有这种事件 (unknown event type nuanliu.response.shouted.v1)"}


def test_exactly_64_kib_are_taken_and_one_byte_more_is_not() -> None:
    body = json.dumps(GOOD | {"word": "x"}).encode()
    assert task(sent(body + b" " * (65_536 - len(body)), binary(TYPE)))
    found = errors(sent(body + b" " * (65_537 - len(body)), binary(TYPE)))
    assert found == {"data": "65537 字节，至多 65536 (65537 bytes, at most 65536 are taken)"}


def test_several_mistakes_are_all_told_but_not_without_end() -> None:
    body = GOOD | {"amount": "x", "word": 1} | {f"extra{i}": 1 for i in range(100)}
    found = errors(said(FakeBus(), body))
    assert len(found) == MAX_ERRORS
    assert {"amount", "word"} <= set(found)


def test_what_was_sent_is_not_echoed_at_length() -> None:
    [name] = errors(said(FakeBus(), GOOD | {"x" * 30_000: 1}))
    assert name == "x" * MAX_NAME


@pytest.mark.parametrize("wrong", [{"specversion": "2"}, {"content_type": "text/plain"}])
def test_the_sender_is_known_where_the_id_can_be_read(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid) as invalid:
        open_letter(SUBJECT, binary(TYPE, id="mine", **wrong), b"{}")
    assert invalid.value.id == "mine"


def test_an_id_that_cannot_be_named_is_unknown() -> None:
    with pytest.raises(Invalid) as invalid:
        open_letter(SUBJECT, binary(TYPE, id="x" * 300), b"{}")
    assert invalid.value.id is None


SAME = [
    (
        b'{"counter":"a","at":"2026-11-15T16:00:00Z"}',
        b'{ "at": "2026-11-15T16:00:00Z", "counter": "\\u0061" }',
    ),
    (
        b'{"counter":"a","at":"2026-11-15T16:00:00Z","amount":1}',
        b'{"counter":"a","at":"2026-11-15T16:00:00Z","amount":1 }',
    ),
]
DIFFERENT = [
    b'{"counter":"a","at":"2026-11-15T16:00:00Z"}',
    b'{"counter":"b","at":"2026-11-15T16:00:00Z"}',
    b'{"counter":"a","at":"2026-11-15T16:00:01Z"}',
    b'{"counter":"a","at":"2026-11-15T16:00:00Z","amount":1}',
    b'{"counter":"a","at":"2026-11-15T16:00:00Z","word":null}',
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_json_values_have_one_digest(one: bytes, other: bytes) -> None:
    assert digest(Said.model_validate_json(one)) == digest(Said.model_validate_json(other))


def test_other_json_values_have_other_digests() -> None:
    assert len({digest(Said.model_validate_json(body)) for body in DIFFERENT}) == len(DIFFERENT)


def test_what_goes_out_can_be_read_again() -> None:
    cause = Input("cause", START)
    out = outgoing(Out(Counted(counter="暖", total=3), about="2026/暖气 1"), "response", cause, 0)
    headers = out.headers("/nuanliu/response")
    assert all(value.isascii() for value in headers.values())
    letter = open_letter(out.subject, headers, out.body.encode())
    assert (letter.id, letter.type, letter.time) == (out.id, Counted.type, START)
    assert Counted.model_validate_json(letter.data) == Counted(counter="暖", total=3)
    assert "暖" in out.body


def test_what_outsiders_are_sent_says_where_its_schema_lies() -> None:
    outs = (Out(Heard(counter="a", total=1), tenant=AGENCY), Out(Counted(counter="a", total=1)))
    to_agency, to_service = (outgoing(out, "response", Input("x", START), 0) for out in outs)

    headers = to_agency.headers("/nuanliu/response", "http://127.0.0.1:8001/docs/schemas")

    assert headers["ce-dataschema"] == f"http://127.0.0.1:8001/docs/schemas/{Heard.type}.json"
    assert to_agency.headers("/nuanliu/response")["ce-dataschema"] == f"{CATALOGUE}/{Heard.type}.json"
    assert "ce-dataschema" not in to_service.headers("/nuanliu/response")
    assert open_letter(to_agency.subject, headers, to_agency.body.encode()).id == to_agency.id


def test_what_outsiders_say_of_their_schema_is_let_be() -> None:
    for schema in ("https://elsewhere.example/said.json", "", "no address"):
        headers = binary(TYPE, id="one") | {"ce-dataschema": schema}
        assert task(sent(json.dumps(GOOD).encode(), headers)).event == Said.model_validate(GOOD)


def test_output_ids_are_the_same_again_and_never_shared() -> None:
    def ids(cause: Input) -> list[str]:
        outs = [Out(Counted(counter="a", total=1)), Out(Counted(counter="a", total=2))]
        outs += [Out(Counted(counter="a", total=1), key=k) for k in ("0", "1", "a")]
        outs += [Out(Heard(counter="a", total=1), tenant=AGENCY, key="a")]
        return [outgoing(out, "response", cause, index).id for index, out in enumerate(outs)]

    assert ids(Input("x", START)) == ids(Input("x", START + timedelta(days=1)))
    causes = [
        Input("x", START),
        Input("y", START),
        Input("x", START, tenant="t"),
        Input("x", START, tenant="t", digest="d"),
        Input("x", START, tenant="t", digest="e"),
    ]
    everything = [id for cause in causes for id in ids(cause)]
    assert len(set(everything)) == len(everything)
