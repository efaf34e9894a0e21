"""HTTP of splitting a case: who stands behind it, and the desk's word on which of them are another case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import nats.errors
from fastapi import FastAPI, Query
from nats.aio.client import Client
from pydantic import Field

from services.routing.api import Order
from services.routing.domain.case import MOST_SPLITS, Case, Resolved
from services.routing.orders import Key, given, known, open_case, wrong
from services.routing.store import CASES
from shared.contracts.behind import APPEALS_ASKED, MOST_SHOWN, AppealsAsked, Appellant, Behind
from shared.contracts.routing_splits import Split
from shared.contracts.values import FieldError, Id
from shared.front import unusable
from shared.http import Problem
from shared.service import Running

MOST_NAMED = 100
ANSWER_SECONDS = 2.0
SHOWN_PAGE = Annotated[int, Query(ge=1, le=MOST_SHOWN)]
STANDING = ("registered", "merged")


class SplitOrder(Order):
    """What is another case: all from these compounds (codes of places), these appeals, or both."""

    compounds: list[Id] = Field(default_factory=list, max_length=MOST_NAMED)
    appeal_ids: list[Id] = Field(default_factory=list, max_length=MOST_NAMED)


def routes(app: FastAPI, running: Running) -> None:
    @app.get("/api/v1/cases/{case_id}/appeals")
    async def appeals(case_id: str, limit: SHOWN_PAGE = MOST_SHOWN, after: str = "") -> dict[str, Any]:
        """Who stands behind the case, by place and by appeal; what residents said veiled, and nothing of who must not
        be known. ``next``, where there is more, is the ``after`` of the next page."""
        case = await known(running, case_id)
        found = await ask(running, AppealsAsked(case_id=case_id, limit=limit, after=after))
        children = await running.documents.query(CASES, {"state.split_from": case_id}, limit=MOST_SPLITS)
        return {
            "case_id": case_id,
            "opened_by": case.first_appeal,
            "opened_at": case.place.code,
            "places": [one.model_dump(mode="json") for one in found.places],
            "appeals": [one.model_dump(mode="json", exclude_none=True) for one in found.appeals],
            "next": found.next,
            "split_from": case.split_from,
            "split_into": sorted(one.state.case_id for one in children),
        }

    @app.post("/api/v1/cases/{case_id}/split", status_code=202)
    async def split(case_id: str, body: SplitOrder, key: Key = None) -> dict[str, Any]:
        """What opened the case stays, and the compound where that is: agencies were told of it."""
        order = given(case_id, Split, key, body, CASES)
        if await order.taken(running):
            return order.answer
        case = await open_case(running, case_id)
        if isinstance(case, Resolved):
            raise wrong(409, "case_id", "案卷已办结，待回访 (the case is resolved)")
        if len(case.splits) >= MOST_SPLITS:
            raise wrong(409, "case_id", f"案卷已拆分{MOST_SPLITS}次 (was split so often already)")
        if not body.compounds and not body.appeal_ids:
            raise wrong(422, "compounds", "须指明小区或诉求 (name compounds or appeals)")
        found = await ask(running, AppealsAsked(case_id=case_id, limit=1, named=body.appeal_ids))
        if errors := list(_wrong(body, case, found)):
            raise unusable(errors)
        return await order.publish(running, Split(case_id=case_id, **body.model_dump()))


async def ask(running: Running, asked: AppealsAsked) -> Behind:
    """What intake says. Raises Problem 503 while it does not."""
    client: Client = running.broker.connection
    try:
        answer = await client.request(APPEALS_ASKED, asked.model_dump_json().encode(), timeout=ANSWER_SECONDS)
    except (nats.errors.Error, TimeoutError) as error:
        raise Problem(503, "受理服务未应答 (intake does not answer)", retry_after=2) from error
    found = Behind.model_validate_json(answer.data)
    if found.unreachable is not None:
        raise Problem(503, "受理服务未应答 (intake does not answer)", retry_after=2)
    return found


def _wrong(body: SplitOrder, case: Case, found: Behind) -> Iterator[FieldError]:
    """Whatever of an order cannot be followed, and an order that leaves nobody."""
    places = {one.code: one.appeals for one in found.places}
    named = {one.appeal_id: one for one in found.named}
    for index, code in enumerate(body.compounds):
        if code == case.place.code:
            yield FieldError(
                field=f"compounds.{index}",
                problem="案卷由此小区立案，请拆出其余小区 (the case was opened here; split off the others)",
            )
        elif code not in places:
            yield FieldError(
                field=f"compounds.{index}", problem="本案卷无此小区的诉求 (no appeal is from here)"
            )
    for index, id in enumerate(body.appeal_ids):
        problem = _why_not(id, named.get(id), case)
        if problem:
            yield FieldError(field=f"appeal_ids.{index}", problem=problem)
    leaving = {id for id, one in named.items() if one.place.code not in body.compounds}
    going = len(leaving) + sum(places.get(code, 0) for code in set(body.compounds))
    if going >= sum(places.values()):
        yield FieldError(
            field="appeal_ids" if body.appeal_ids else "compounds",
            problem="不能拆出全部诉求 (somebody must stay)",
        )


def _why_not(id: str, appeal: Appellant | None, case: Case) -> str | None:
    if appeal is None:
        return "没有此诉求 (no appeal of this id)"
    if id == case.first_appeal:
        return "案卷由此诉求立案，请拆出其余诉求 (it opened the case; split off the others)"
    if appeal.case_id != case.case_id:
        return "不是本案卷的诉求 (stands behind another case, or none)"
    if appeal.state not in STANDING:
        return "诉求已撤回或已办结 (is withdrawn or closed)"
    return None
