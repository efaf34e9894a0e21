"""The HTTP side of the five services, and a whole case over HTTP alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.e2e.journey import CONTENT, DONE, LIFT, Journeys, warm
from tests.e2e.outsider import Outside, now
from tests.support.live import until

SERVICES = ("intake", "routing", "response", "revisit", "metrics")
Http = dict[str, httpx.AsyncClient]


async def found(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The answer as soon as it is not 404: a fresh id may be unknown for a moment."""
    return await until(lambda: client.get(path), lambda answer: answer.status_code != 404)


def named(answer: httpx.Response) -> set[str]:
    """The fields that a problem names (RFC 9457)."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert all(error["problem"] for error in problem.get("errors", []))
    return {error["field"] for error in problem.get("errors", [])}


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_is_alive_ready_and_says_what_it_speaks(http: Http, service: str) -> None:
    client = http[service]

    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/health/ready")).status_code == 200
    figures = await client.get("/metrics")
    assert figures.status_code == 200
    assert figures.headers["content-type"].startswith("text/plain")
    catalogue = (await client.get("/docs/asyncapi.json")).json()
    assert catalogue["asyncapi"].startswith("3.")
    assert catalogue["channels"]
    assert {message["payload"]["$ref"] for message in catalogue["components"]["messages"].values()}
    for page in ("", "contracts/asyncapi.json", "vectors/nuanliu.intake.submitted.v1.json"):
        assert (await client.get(f"/docs/{page}")).status_code == 200
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert paths
    missing = await client.get("/no/such/thing")
    assert missing.status_code == 404
    assert named(missing) == set()


async def test_the_catalogue_has_the_events_of_the_contracts(http: Http) -> None:
    channels = {
        address["address"]
        for service in SERVICES
        for address in (await http[service].get("/docs/asyncapi.json")).json()["channels"].values()
    }
    for root, kinds in {
        "intake": ("submitted", "urged", "supplemented", "withdrawn", "contested"),
        "notice": ("registered", "merged", "answered", "not_accepted", "rejected", "progressed", "closed"),
        "dispatch": ("assigned", "updated", "reminded", "supervised", "withdrawn", "verified", "refused"),
        "response": ("accepted", "contacted", "arrived", "progressed", "returned", "resolved"),
        "revisit": ("due", "withdrawn", "refused"),
        "field": ("revisited", "hazard_found", "patrolled"),
    }.items():
        for kind in kinds:
            assert f"{root}.{{tenant}}.{kind}.v1" in channels


@pytest.fixture(scope="module")
async def case(http: Http, outside: Outside, journeys: Journeys) -> dict[str, Any]:
    """An appeal handed in over HTTP, with a file, up to its assignment."""
    photo = await http["intake"].post(
        "/api/v1/files", files={"file": ("thermometer.jpg", b"\xff\xd8 13.5", "image/jpeg")}
    )
    assert photo.status_code == 202
    assert photo.json().keys() >= {"id", "media_type", "sha256"}
    location, team = journeys.place(LIFT)
    body = {"channel": "zhengzhou-app", "text": LIFT, "location": location, "attachments": [photo.json()]}
    key = str(uuid4())

    taken = await http["intake"].post("/api/v1/appeals", json=body, headers={"Idempotency-Key": key})

    assert taken.status_code == 202, taken.text
    status = (await found(http["intake"], taken.json()["status_url"])).json()
    assert status["appeal_id"] == taken.json()["appeal_id"]
    registered = await outside["zhengzhou-app"].hears("registered", in_reply_to=key)
    assert registered["appeal_id"] == taken.json()["appeal_id"]
    assigned = await outside.everywhere.hears("assigned", case_id=registered["case_id"])
    assert assigned["attachments"] == [photo.json()]
    return {"key": key, "body": body, "team": team, "assigned": assigned, **registered.data}


async def test_what_an_agency_is_sent_leads_to_its_schema(http: Http, case: dict[str, Any]) -> None:
    address = case["assigned"].headers["ce-dataschema"]

    schema = (await http["intake"].get(address)).json()

    assert schema["$id"] == address
    assert Draft202012Validator(schema).is_valid(case["assigned"].data)
    assert not Draft202012Validator(schema).is_valid({})
    assert (await http["metrics"].get(f"/docs/{address.partition('/docs/')[2]}")).json() == schema


async def test_an_appeal_handed_in_again_is_the_same_and_another_under_its_key_a_conflict(
    http: Http, outside: Outside, case: dict[str, Any]
) -> None:
    post = http["intake"].post
    again = await post("/api/v1/appeals", json=case["body"], headers={"Idempotency-Key": case["key"]})
    assert (again.status_code, again.json()["appeal_id"]) == (202, case["appeal_id"])

    other = case["body"] | {"text": LIFT + "！"}
    conflict = await post("/api/v1/appeals", json=other, headers={"Idempotency-Key": case["key"]})

    assert conflict.status_code == 409
    assert named(conflict) == {"Idempotency-Key"}
    assert len(outside["zhengzhou-app"].all("registered", in_reply_to=case["key"])) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"channel": "zhengzhou-app"}, {"text"}),
        ({"text": "冷"}, {"channel"}),
        ({"channel": "heating-zy", "text": "冷"}, {"channel"}),
        (
            {"channel": "zhengzhou-app", "text": "冷", "mood": 1, "location": {"flat": "x"}},
            {"mood", "location.flat"},
        ),
        ({"channel": "zhengzhou-app", "text": "冷", "reported_at": "2026-11-20T08:00:00"}, {"reported_at"}),
    ],
)
async def test_an_appeal_that_cannot_be_taken_names_every_field(
    http: Http, body: dict[str, Any], fields: set[str]
) -> None:
    answer = await http["intake"].post("/api/v1/appeals", json=body)

    assert answer.status_code == 422
    assert named(answer) == fields


async def test_what_is_no_json_or_too_large_is_told_so(http: Http) -> None:
    post = http["intake"].post
    assert (await post("/api/v1/appeals", content=b"{")).status_code == 422
    assert named(await post("/api/v1/appeals", content=b" " * 65_537)) == {"data"}


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("intake", "/api/v1/appeals/{}"),
        ("routing", "/api/v1/cases/{}"),
        ("routing", "/api/v1/cases/{}/timeline"),
        ("response", "/api/v1/assignments/{}"),
        ("revisit", "/api/v1/tasks/{}"),
    ],
)
async def test_what_is_not_there_may_be_there_soon(http: Http, service: str, path: str) -> None:
    answer = await http[service].get(path.format(uuid4()))

    assert answer.status_code == 404
    assert int(answer.headers["retry-after"]) >= 1
    named(answer)


async def test_a_case_shows_where_it_stands_and_who_changed_what(http: Http, case: dict[str, Any]) -> None:
    shown = (await found(http["routing"], f"/api/v1/cases/{case['case_id']}")).json()
    timeline = (await http["routing"].get(f"/api/v1/cases/{case['case_id']}/timeline")).json()

    assert (shown["case_id"], shown["case_no"]) == (case["case_id"], case["case_no"])
    assert not {"contact", "text"} & shown.keys()
    assert timeline
    assert all(line["at"] and line["what"] for line in timeline)


async def test_the_centre_supervises(http: Http, outside: Outside, case: dict[str, Any]) -> None:
    path = f"/api/v1/cases/{case['case_id']}/supervise"

    answer = await http["routing"].post(
        path, json={"level": 2, "reason": "三天内第二次反映", "by": "值班主任"}
    )

    assert answer.status_code == 202
    assignment = case["assigned"]["assignment_id"]
    supervised = await outside[case["assigned"].to].hears("supervised", assignment_id=assignment)
    assert (supervised["level"], supervised["reason"]) == (2, "三天内第二次反映")
    nothing = await http["routing"].post(path, json={"level": 2})
    assert (nothing.status_code, named(nothing)) == (422, {"reason"})


async def test_a_whole_case_over_http_alone(http: Http, outside: Outside, journeys: Journeys) -> None:
    location, team = journeys.place(LIFT)
    body = {"channel": "qr-door", "text": LIFT, "location": location}
    status = (await http["intake"].post("/api/v1/appeals", json=body)).json()["status_url"]
    client, response, revisit = http["intake"], http["response"], http["revisit"]

    async def registered() -> dict[str, Any]:
        said: dict[str, Any] = (await found(client, status)).json()
        return said

    case = await until(registered, lambda said: "case_id" in said)
    mine = (await outside.everywhere.hears("assigned", case_id=case["case_id"])).data
    path = f"/api/v1/assignments/{mine['assignment_id']}"

    listed = await response.get(
        "/api/v1/assignments", params={"agency": mine["lead_agency"], "state": "assigned", "limit": 200}
    )
    assert mine["assignment_id"] in {one["assignment_id"] for one in listed.json()}
    for verb, more in (("accepted", {}), ("contacted", {"how": "电话"}), ("resolved", DONE)):
        said = await response.post(f"{path}/{verb}", json={"at": now()} | more)
        assert said.status_code == 202, said.text
    wrong = await response.post(f"{path}/resolved", json={"at": "2026-11-20T08:00:00", "outcome": "solved"})
    assert (wrong.status_code, named(wrong)) == (422, {"at", "measures", "reply"})
    assert (await response.post(f"{path}/shouted", json={"at": now()})).status_code == 404

    due = await outside[team].hears("due", case_id=case["case_id"])
    tasks = (await revisit.get("/api/v1/tasks", params={"team": team, "state": "due", "limit": 500})).json()
    assert due["task_id"] in {one["task_id"] for one in tasks["tasks"]}
    door = {"at": now(), "by": {"name": "网格员"}} | CONTENT | warm(due)
    task = f"/api/v1/tasks/{due['task_id']}/revisited"
    bad = await revisit.post(task, json=door | {"satisfaction": "delighted"})
    assert (bad.status_code, named(bad)) == (422, {"satisfaction"})
    assert (await revisit.post(task, json=door)).status_code == 202

    closed = await until(registered, lambda said: said["state"] == "closed")
    assert (closed["outcome"], closed["solved"], closed["satisfaction"]) == ("verified", True, "satisfied")
    told = json.dumps(closed, ensure_ascii=False)
    assert location["room"] not in told
    assert LIFT not in told

    await outside[mine["lead_agency"]].hears("verified", assignment_id=mine["assignment_id"])
    late = await response.post(f"{path}/accepted", json={"at": now()})
    assert (late.status_code, named(late)) == (409, {"assignment_id"})
    late = await revisit.post(task, json=door)
    assert (late.status_code, named(late)) == (409, {"task_id"})
    over = await http["routing"].post(f"/api/v1/cases/{case['case_id']}/supervise", json={"reason": "再看看"})
    assert over.status_code == 409


async def test_the_centre_gives_a_case_to_another_agency(
    outside: Outside, http: Http, journeys: Journeys
) -> None:
    journey = await journeys.start(LIFT)
    path = f"/api/v1/cases/{journey.case_id}/redispatch"
    first, old = journey.lead, journey.order["assignment_id"]

    wrong = await http["routing"].post(path, json={"agency": "team-liuhu", "reason": "x"})
    assert (wrong.status_code, named(wrong)) == (422, {"agency"})
    answer = await http["routing"].post(path, json={"agency": "housing-zy", "reason": "产权单位不明"})

    assert answer.status_code == 202
    assert (await first.hears("withdrawn", assignment_id=old))["reason"]
    assert (await journey.assigned_again()).to == "housing-zy"
    assert (await journey.finish())["outcome"] == "verified"


async def test_the_centre_defers_a_case(http: Http, journeys: Journeys) -> None:
    journey = await journeys.start(LIFT)
    path = f"/api/v1/cases/{journey.case_id}/defer"
    order = {"kind": "funding", "reason": "维修资金未到位", "plan": "资金到位后更换"}

    past = await http["routing"].post(path, json=order | {"review_at": "2020-01-01T00:00:00+08:00"})
    assert (past.status_code, named(past)) == (422, {"review_at"})
    review_at = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
    assert (await http["routing"].post(path, json=order | {"review_at": review_at})).status_code == 202

    decided = await journey.lead.hears("deferral_decided", assignment_id=journey.order["assignment_id"])
    assert (decided["granted"], decided["kind"]) == (True, "funding")


async def test_open311_clients_hand_in_and_follow(http: Http, outside: Outside, journeys: Journeys) -> None:
    location, _ = journeys.place(LIFT)
    services = (await http["intake"].get("/open311/v2/services.json")).json()
    assert "property.lift" in {service["service_code"] for service in services}
    assert (await http["intake"].get("/open311/v2/services.xml")).text.startswith("<?xml")

    taken = await http["intake"].post(
        "/open311/v2/requests.json",
        data={
            "api_key": "qr-door",
            "service_code": "property.lift",
            "description": LIFT,
            "address_string": f"{location['compound']}2号楼",
        },
    )

    assert taken.status_code == 201, taken.text
    id = taken.json()[0]["service_request_id"]
    registered = await outside["qr-door"].hears("registered", appeal_id=id)
    shown = (await found(http["intake"], f"/open311/v2/requests/{id}.json")).json()
    assert (shown[0]["service_request_id"], shown[0]["status"]) == (id, "open")
    await outside.everywhere.hears("assigned", case_id=registered["case_id"])


@pytest.mark.parametrize("by", ["agency", "subdistrict", "community", "category", "channel"])
async def test_indicators_by_every_dimension_show_what_they_are_of(http: Http, by: str) -> None:
    answer = await http["metrics"].get("/api/v1/indicators", params={"by": by})

    assert answer.status_code == 200
    said = answer.json()
    for one in (*(row["indicators"] for row in said["rows"]), said["total"]["indicators"]):
        for rate in one.values():
            assert rate.keys() >= {"numerator", "denominator"}
            assert rate["denominator"] or rate.get("value") is None, "nothing divided by nothing is no rate"


async def test_indicators_of_no_span_are_refused_by_name(http: Http) -> None:
    answer = await http["metrics"].get(
        "/api/v1/indicators", params={"from": "2026-11-20", "to": "2026-11-10"}
    )
    assert (answer.status_code, named(answer)) == (422, {"from"})
    answer = await http["metrics"].get("/api/v1/indicators", params={"by": "mood", "from": "yesterday"})
    assert (answer.status_code, named(answer)) == (422, {"by", "from"})


@pytest.mark.parametrize("kind", ["daily", "weekly", "monthly"])
async def test_bulletins_come_in_every_form(http: Http, kind: str) -> None:
    day = datetime.now(UTC).date()

    for form, start in (("json", b"{"), ("html", b"<"), ("xlsx", b"PK"), ("docx", b"PK")):
        answer = await http["metrics"].get(f"/bulletins/{kind}/{day}.{form}")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(start)
        if form == "html":
            assert "办结率" in answer.text
            assert "解决率" in answer.text
            assert "满意率" in answer.text


async def test_a_bulletin_that_is_none_is_refused(http: Http) -> None:
    assert (await http["metrics"].get("/bulletins/weekly/2026-11-20.pdf")).status_code == 404
    assert (await http["metrics"].get("/bulletins/hourly/2026-11-20.json")).status_code == 404
    assert (await http["metrics"].get("/bulletins/weekly/2026-13-40.json")).status_code == 422
