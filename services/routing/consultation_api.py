"""HTTP of a consultation: opened, its meetings called and recorded, households' votes, closed, shown. Who voted what is
shown to nobody."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.routing.api import Order, Who
from services.routing.domain.consultation import MOST_MEETINGS, Closed, Consultation
from services.routing.domain.vote import vote_id
from services.routing.orders import Key, ahead, beside, given, open_case, serving, stored, wrong
from services.routing.store import CONSULTATIONS, VOTES
from shared.contracts import routing_consultations as events
from shared.contracts.base import Instant
from shared.contracts.values import Id, LongText
from shared.service import Running

Door = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Parties = Annotated[list[events.Party], Field(min_length=1, max_length=50)]


class ConsultationOrder(Order):
    question: LongText
    parties: Parties
    ballot: events.Ballot | None = None
    prior: Annotated[list[events.Proceeding], Field(max_length=20)] = Field(default_factory=list)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Who = "centre"


class MeetingBody(Body):
    when: Instant
    where: Who
    agenda: LongText
    agencies: Annotated[list[Id], Field(max_length=20)] = Field(default_factory=list)


class MinutesBody(Body):
    present: Parties
    agreed: LongText


class VoteBody(Body):
    household: Door
    choice: events.Choice
    how: Literal["door_to_door", "meeting", "phone", "online"] = "door_to_door"


def routes(app: FastAPI, running: Running) -> None:
    async def known(case_id: str) -> Consultation:
        found: Consultation = await beside(running, CONSULTATIONS, case_id)
        return found

    async def still_open(case_id: str) -> Consultation:
        found = await known(case_id)
        if isinstance(found, Closed):
            raise wrong(409, "case_id", "协商已结束 (the consultation is closed)")
        return found

    @app.get("/api/v1/cases/{case_id}/consultation")
    async def consultation(case_id: str) -> dict[str, Any]:
        """The consultation as it stands: parties, meetings, counts, and the result once it is closed."""
        return (await known(case_id)).model_dump(mode="json", exclude_none=True)

    @app.post("/api/v1/cases/{case_id}/consultation", status_code=202)
    async def open_(case_id: str, body: ConsultationOrder, key: Key = None) -> dict[str, Any]:
        order = given(case_id, events.OpenConsultation, key, body, CONSULTATIONS)
        if await order.taken(running):
            return order.answer
        await open_case(running, case_id)
        if await stored(running, CONSULTATIONS, case_id) is not None:
            raise wrong(409, "case_id", "该案卷已有协商 (this case has a consultation)")
        opened = events.OpenConsultation(case_id=case_id, **body.model_dump())
        return await order.publish(running, opened)

    @app.post("/api/v1/cases/{case_id}/consultation/meetings", status_code=202)
    async def call(case_id: str, body: MeetingBody, key: Key = None) -> dict[str, Any]:
        """A meeting, on site or at a table; the agencies called hear of it with their assignment."""
        order = given(case_id, events.CallMeeting, key, body, CONSULTATIONS)
        if await order.taken(running):
            return order.answer
        if len((await still_open(case_id)).meetings) >= MOST_MEETINGS:
            raise wrong(409, "case_id", f"至多 {MOST_MEETINGS} 次会议 (at most {MOST_MEETINGS} meetings)")
        ahead("when", body.when)
        for number, agency in enumerate(body.agencies):
            serving(running, f"agencies.{number}", agency)
        called = events.CallMeeting(case_id=case_id, **body.model_dump())
        return await order.publish(running, called)

    @app.post("/api/v1/cases/{case_id}/consultation/meetings/{number}/minutes", status_code=202)
    async def record(case_id: str, number: int, body: MinutesBody, key: Key = None) -> dict[str, Any]:
        """Who was present, and what was agreed."""
        order = given(case_id, events.RecordMeeting, key, body, CONSULTATIONS, part=number)
        if await order.taken(running):
            return order.answer
        if not 1 <= number <= len((await known(case_id)).meetings):
            raise wrong(404, "number", "没有这次会议 (no such meeting)")
        minutes = events.RecordMeeting(case_id=case_id, meeting=number, **body.model_dump())
        return await order.publish(running, minutes)

    @app.post("/api/v1/cases/{case_id}/consultation/votes", status_code=202)
    async def vote(case_id: str, body: VoteBody, key: Key = None) -> dict[str, Any]:
        """One household's word; a later one takes the place of an earlier one until the closing."""
        order = given(case_id, events.CastVote, key, body, VOTES, vote_id(case_id, body.household))
        if await order.taken(running):
            return order.answer
        about = await still_open(case_id)
        if about.ballot is None:
            raise wrong(409, "case_id", "该协商不设表决 (there is no ballot)")
        if about.counts.cast >= about.ballot.households and await stored(running, VOTES, order.id_of) is None:
            raise wrong(422, "household", "票数已达总户数 (as many votes as households on the roll)")
        said = events.CastVote(case_id=case_id, vote_id=order.id_of, **body.model_dump())
        return await order.publish(running, said)

    @app.post("/api/v1/cases/{case_id}/consultation/close", status_code=202)
    async def close(case_id: str, body: Order, key: Key = None) -> dict[str, Any]:
        order = given(case_id, events.CloseConsultation, key, body, CONSULTATIONS)
        if await order.taken(running):
            return order.answer
        await still_open(case_id)
        over = events.CloseConsultation(case_id=case_id, reason=body.reason, by=body.by)
        return await order.publish(running, over)
