"""A case seen from outside: handed in by a channel, worked on by agencies, gone back to by a team."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.e2e.outsider import Heard, Outside, Outsider, now

COLD = "暖气片摸着是凉的，屋里一直上不来温度，请派人看看"
LIFT = "电梯昨天起停在三楼不动，一直没人修"
DONE = {
    "outcome": "solved",
    "measures": "上门检修，更换损坏的部件。",
    "reply": "已经修好，请您留意使用情况。",
}
CONTENT = {"outcome": "reached", "solved": True, "satisfaction": "satisfied"}
DISCONTENT = {"outcome": "reached", "solved": False, "satisfaction": "dissatisfied"}


@dataclass
class Journey:
    """One case. ``appeals``: (channel, event id) of those who stand behind it; ``assigned``: agency -> the assignment
    it holds now; ``team`` goes back."""

    outside: Outside
    case_id: str
    case_no: str
    appeal_id: str
    team: Outsider
    appeals: list[tuple[Outsider, str]]
    assigned: dict[str, Heard] = field(default_factory=dict)
    _before: set[str] = field(default_factory=set)

    @property
    def channel(self) -> Outsider:
        return self.appeals[0][0]

    @property
    def lead(self) -> Outsider:
        return self.outside[next(name for name, one in self.assigned.items() if one["role"] == "lead")]

    @property
    def known(self) -> set[str]:
        """The ids of what was heard of and dealt with, or is being dealt with."""
        return self._before | {one.id for one in self.assigned.values()}

    @property
    def order(self) -> Heard:
        """The lead's assignment."""
        return self.assigned[self.lead.name]

    async def says(self, agency: Outsider, verb: str, **data: Any) -> str:
        """An agency says something about the assignment it holds."""
        about = {"assignment_id": self.assigned[agency.name]["assignment_id"], "at": now()}
        return await agency.say(verb, about | data)

    async def lead_says(self, verb: str, **data: Any) -> str:
        return await self.says(self.lead, verb, **data)

    async def resolve(self, **done: Any) -> None:
        """Every agency says it is done."""
        await asyncio.gather(
            *(self.says(self.outside[name], "resolved", **DONE | done) for name in self.assigned)
        )

    async def due(self, attempt: int = 1) -> Heard:
        """The next task that the team is sent about this case."""
        found = await self.team.hears("due", but=self._before, case_id=self.case_id, attempt=attempt)
        self._before.add(found.id)
        return found

    async def answer(self, due: Heard, **found: Any) -> str:
        """The team was at one door."""
        said = {"task_id": due["task_id"], "at": now(), "by": {"name": "网格员"}} | found
        return await self.team.say("revisited", said)

    async def finish(self) -> Heard:
        """Resolved by all, gone back to, and closed; gives what the first channel hears."""
        await self.resolve()
        return await self.finish_revisit()

    async def finish_revisit(self) -> Heard:
        """Every household is content; gives the closing that the first channel hears."""
        channel, id = self.appeals[0]
        due = await self.due()
        before = {one.id for one in channel.all("closed", in_reply_to=id)}
        for _ in range(due.data.get("households", 1)):
            await self.answer(due, **CONTENT | warm(due))
        return await channel.hears("closed", but=before, in_reply_to=id)

    async def assigned_again(self) -> Heard:
        """The lead's next assignment of this case, at whatever agency; it is held from now on."""
        self._before |= {one.id for one in self.assigned.values()}
        found = await self.outside.everywhere.hears(
            "assigned", but=self._before, case_id=self.case_id, role="lead"
        )
        others = {name: one for name, one in self.assigned.items() if one["role"] != "lead"}
        self.assigned = others | {found.to: found}
        return found


class Journeys:
    """Starts cases, each about something that nobody has complained of yet at its place: (location, team)."""

    def __init__(self, outside: Outside, places: dict[str, list[tuple[dict[str, Any], str]]]) -> None:
        self.outside = outside
        self._free = {about: list(where) for about, where in places.items()}

    def place(self, about: str) -> tuple[dict[str, Any], str]:
        """A location where this is new, and the team that goes there."""
        return self._free[about].pop()

    async def start(
        self, said: str, channel: str = "hotline-12345", structured: bool = False, **more: Any
    ) -> Journey:
        """An appeal is handed in, registered and with its agency; nobody assists at these places."""
        location, team = self.place(said)
        body = {"text": said, "location": location, "reporter": {"name": "林某", "phone": "13812340000"}}
        return await started(self.outside, channel, body | more, team, structured)


async def started(
    outside: Outside, channel: str, body: dict[str, Any], team: str, structured: bool = False
) -> Journey:
    """Hands an appeal in and waits until it is registered and its lead has it; of assistants the caller must hear."""
    at = outside[channel]
    id = await at.say("submitted", body, structured=structured)
    registered = await at.hears("registered", in_reply_to=id)
    case_id = registered["case_id"]
    await at.hears("progressed", case_id=case_id, stage="dispatched")
    journey = Journey(
        outside, case_id, registered["case_no"], registered["appeal_id"], outside[team], [(at, id)]
    )
    lead = await outside.everywhere.hears("assigned", case_id=case_id, role="lead")
    journey.assigned[lead.to] = lead
    return journey


def warm(due: Heard, celsius: float = 20.5) -> dict[str, Any]:
    """A valid reading, where the team is asked to measure."""
    reading = {"celsius": celsius, "room": "bedroom", "at": now(), "doors_closed": True, "signed": True}
    return {"readings": [reading]} if due["measure"] else {}


def fresh_ref() -> str:
    """A number of the channel's own."""
    return f"REF-{uuid4().hex[:12]}"
