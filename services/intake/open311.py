"""Open311 GeoReport v2 under /open311/v2, in JSON and XML (https://wiki.open311.org/GeoReport_v2/).

``api_key`` is the token of the channel that hands in; where tokens are optional also its id, or nothing for the
registry's first. Errors are the standard's own list of code and description. What is public here names the compound,
never a person, a room or what somebody wrote; confidential appeals are not shown at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import TypeAdapter, ValidationError

from services.intake.api import submit
from services.intake.domain.appeal import Answered, Appealed, Closed, NotAccepted
from services.intake.store import APPEALS
from shared.access import Access
from shared.contracts.base import Instant
from shared.contracts.channel import Submitted
from shared.contracts.streams import MAX_DATA_BYTES
from shared.front import Key, id_of, read
from shared.http import Problem
from shared.loop.documents import Unreachable
from shared.loop.envelope import now
from shared.policy import Jurisdiction
from shared.policy.categories import Category
from shared.policy.tenants import TOKEN_PREFIX
from shared.service import Running

ROOT = "/open311/v2"
FORMS = {"json": "application/json", "xml": "text/xml"}
MOST_REQUESTS = 1000
LONGEST = timedelta(days=90)
OPEN = ("received", "registered", "merged")
ENDED = ("answered", "not_accepted", "closed", "contested", "withdrawn")
ENDINGS = {
    "verified": "已办结，经回访核实。",
    "not_verified": "已办结，未能回访核实。",
    "withdrawn": "已撤回。",
}
NOTICE = "已收到，办理进度可凭编号查询。"
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_instant: TypeAdapter[datetime] = TypeAdapter(Instant)


class Fault(Exception):
    """What the standard answers instead: a status and what is the matter. ``retry_after``: seconds until one may ask
    again."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


def routes(app: FastAPI, running: Running) -> None:
    """The GeoReport routes. Reading is for everybody, as the standard has it: nothing personal is shown."""
    access = Access(lambda: running.jurisdiction.tenants, "channel", running.settings.http_tokens)

    @app.get(ROOT + "/services.{form}", tags=["open311"])
    async def services(form: str) -> Response:
        return _answer(
            form,
            "services",
            "service",
            [_service(each) for each in running.jurisdiction.policy.tree.categories],
        )

    @app.get(ROOT + "/services/{code}.{form}", tags=["open311"])
    async def definition(code: str, form: str) -> Response:
        if not running.jurisdiction.policy.tree.known(code):
            return _fault(form, Fault(404, "service_code: no such service"))
        found = {"service_code": code, "attributes": []}
        return _answer(form, "service_definition", "", [found], alone=True)

    @app.post(ROOT + "/requests.{form}", status_code=201, tags=["open311"])
    async def hand_in(request: Request, form: str, idempotency_key: Key = None) -> Response:
        try:
            said, pack = await _form(request), running.jurisdiction
            channel = _channel(said, pack, access)
            event = read(Submitted, _submission(said, pack), now())
            about = await submit(running, channel, id_of(idempotency_key), event)
        except Fault as fault:
            return _fault(form, fault)
        except Problem as problem:
            code = 400 if problem.status == 422 else problem.status
            return _fault(form, Fault(code, str(problem), problem.retry_after))
        taken = {"service_request_id": about, "service_notice": NOTICE, "account_id": ""}
        return _answer(form, "service_requests", "request", [taken], 201)

    @app.get(ROOT + "/requests.{form}", tags=["open311"])
    async def requests(request: Request, form: str) -> Response:
        try:
            query = _query(request.query_params)
            found = await running.documents.query(
                APPEALS, query, sort=[("state.received_at", -1)], limit=MOST_REQUESTS
            )
        except Fault as fault:
            return _fault(form, fault)
        except Unreachable as away:
            return _fault(form, Fault(503, str(away), 1))
        shown = [_request(one.state, running.jurisdiction) for one in found]
        return _answer(form, "service_requests", "request", shown)

    @app.get(ROOT + "/requests/{id}.{form}", tags=["open311"])
    async def one(id: str, form: str) -> Response:
        try:
            found = await running.documents.load([(APPEALS, id)])
        except Unreachable as away:
            return _fault(form, Fault(503, str(away), 1))
        stored = found.get((APPEALS.name, id))
        if stored is None or stored.state.confidential:
            return _fault(form, Fault(404, "service_request_id: not found, or not applied yet", 1))
        return _answer(form, "service_requests", "request", [_request(stored.state, running.jurisdiction)])


# --- reading --------------------------------------------------------------------------------------------------


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_DATA_BYTES:
            raise Fault(413, f"at most {MAX_DATA_BYTES} bytes are taken")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Fault(400, "content-type: must be application/x-www-form-urlencoded")
    try:
        return {name: value for name, value in parse_qsl(body.decode()) if value}
    except ValueError:
        raise Fault(400, "the body is not UTF-8") from None


def _channel(said: Mapping[str, str], pack: Jurisdiction, access: Access) -> str:
    """Whom the key names: a channel by its token; where none is required by its id, the first one without a key."""
    key = said.get("api_key")
    if key is not None and key.startswith(TOKEN_PREFIX):
        return access.bearer(key).id
    access.nobody()
    channels = [tenant.id for tenant in pack.tenants.serving("channel")]
    asked = key if key is not None else channels[0]
    if asked not in channels:
        raise Fault(403, "api_key: is not the id of a channel")
    return asked


def _submission(said: Mapping[str, str], pack: Jurisdiction) -> dict[str, Any]:
    """The form as the body of `submitted`. Raises Fault as the standard says."""
    code = said.get("service_code")
    if code is None:
        raise Fault(400, "service_code: is required")
    if not pack.policy.tree.known(code):
        raise Fault(404, "service_code: no such service")
    location: dict[str, Any] = {}
    if "lat" in said or "long" in said:
        location["point"] = {"lon": _degrees(said, "long"), "lat": _degrees(said, "lat"), "crs": "wgs84"}
    if "address_string" in said:
        location["address"] = said["address_string"]
    if "address_id" in said:
        location["compound"] = said["address_id"]
    if not location:
        raise Fault(400, "lat, long: a point, address_string or address_id is required")
    text = said.get("description") or _name(pack.policy.category(code))
    if "media_url" in said:
        text += f"\n图片：{said['media_url']}"
    name = "".join(said.get(part, "") for part in ("last_name", "first_name"))
    reporter = {key: value for key, value in (("name", name), ("phone", said.get("phone"))) if value}
    whole: dict[str, Any] = {"text": text, "category": code, "location": location}
    return whole | ({"reporter": reporter} if reporter else {})


def _degrees(said: Mapping[str, str], name: str) -> float:
    try:
        return float(said[name])
    except KeyError:
        raise Fault(400, f"{name}: is required with the other one") from None
    except ValueError:
        raise Fault(400, f"{name}: is not a number") from None


def _query(asked: Mapping[str, str]) -> dict[str, Any]:
    """A MongoDB filter over appeals. By ids, all else is ignored, as the standard says."""
    shown: dict[str, Any] = {"state.confidential": False}
    if ids := asked.get("service_request_id"):
        return {"_id": {"$in": ids.split(",")[:MOST_REQUESTS]}} | shown
    states: list[str] = []
    for status in asked.get("status", "open,closed").split(","):
        if status not in ("open", "closed"):
            raise Fault(400, "status: must be open or closed")
        states += OPEN if status == "open" else ENDED
    end = _time(asked, "end_date") or now()
    start = max(_time(asked, "start_date") or end - LONGEST, end - LONGEST)
    shown |= {"state.state": {"$in": states}, "state.received_at": {"$gte": start, "$lte": end}}
    if codes := asked.get("service_code"):
        shown["state.category.code"] = {"$in": codes.split(",")}
    return shown


def _time(asked: Mapping[str, str], name: str) -> datetime | None:
    if name not in asked:
        return None
    try:
        return _instant.validate_python(asked[name].replace(" ", "+"))
    except ValidationError:
        raise Fault(400, f"{name}: must be a time with an offset") from None


# --- answering ------------------------------------------------------------------------------------------------


def _name(category: Category) -> str:
    return category.path[-1]


def _service(category: Category) -> dict[str, Any]:
    return {
        "service_code": category.code,
        "service_name": _name(category),
        "description": " / ".join(category.path),
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(category.path),
        "group": category.path[0],
    }


def _request(appeal: Appealed, pack: Jurisdiction) -> dict[str, Any]:
    category = pack.policy.category(appeal.category.code)
    compound = pack.places.compound(appeal.place.code)
    state = str(getattr(appeal, "state", ""))
    notes = ""
    match appeal:
        case Closed():
            notes = ENDINGS[appeal.outcome]
        case Answered():
            notes = appeal.answer
        case NotAccepted():
            notes = appeal.reason
    return {
        "service_request_id": appeal.appeal_id,
        "status": "open" if state in OPEN else "closed",
        "status_notes": notes,
        "service_name": _name(category),
        "service_code": appeal.category.code,
        "description": " / ".join(category.path),
        "agency_responsible": "",
        "service_notice": getattr(appeal, "case_no", ""),
        "requested_datetime": appeal.received_at.isoformat(),
        "updated_datetime": appeal.history[-1].at.isoformat(),
        "address": appeal.place.name,
        "address_id": appeal.place.code,
        "lat": compound.lat if compound else None,
        "long": compound.lon if compound else None,
    }


def _fault(form: str, fault: Fault) -> Response:
    told = [{"code": fault.code, "description": fault.description}]
    answer = _answer(form, "errors", "error", told, fault.code)
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = str(fault.retry_after)
    return answer


def _answer(
    form: str, root: str, each: str, rows: Sequence[dict[str, Any]], status: int = 200, alone: bool = False
) -> Response:
    """The rows in the form asked for: a JSON list, or XML elements ``each`` under ``root``. ``alone``: just one."""
    if form not in FORMS:
        raise Problem(404, "the form is json or xml")
    if form == "json":
        body = orjson.dumps(rows[0] if alone else list(rows))
    else:
        tree = ElementTree.Element(root)
        for row in rows:
            parent = tree if alone else ElementTree.SubElement(tree, each)
            for name, value in row.items():
                ElementTree.SubElement(parent, name).text = _text(value)
        body = ElementTree.tostring(tree, encoding="utf-8", xml_declaration=True)
    return Response(body, status, media_type=FORMS[form])


def _text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return _NOT_IN_XML.sub("", str(value))
