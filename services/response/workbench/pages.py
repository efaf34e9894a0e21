"""The pages of an agency: its list, its rates, what it was refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from services.response.domain.rates import FIELDS, Tally
from services.response.store import ASSIGNMENTS, REFUSALS
from services.response.workbench import assignment, view, words
from services.response.workbench.session import PATH, Session
from services.response.workbench.shell import Shell
from shared.loop.envelope import now
from shared.service import Running

AWAITED = ("assigned", "accepted", "arrived", "deferred")
MOST_LISTED = 500
MOST_BEHIND = 100
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


def workbench(app: FastAPI, running: Running) -> None:
    """Adds the agency's page under /workbench."""
    shell = Shell(running)
    _routes(shell, running)
    assignment.routes(shell, running)
    app.mount(PATH, shell.app)


def _routes(shell: Shell, running: Running) -> None:
    app, page, sessions = shell.app, shell.page, shell.sessions

    async def counted(session: Session) -> dict[str, int]:
        states = {name: {"state.agency": session.agency.id, "state.state": name} for name in words.STATES}
        found = await asyncio.gather(
            *(running.documents.count(ASSIGNMENTS, query) for query in states.values())
        )
        return dict(zip(states, found, strict=True))

    async def unchanged(session: Session, state: str, seen: str) -> bool:
        """Whether the list is as it was seen, by the versions of what is on it: a deadline that passes makes one. How
        many there are in other states is not asked: to count years of them every few seconds is what would cost."""
        parts = running.documents.parts(
            ASSIGNMENTS, _wanted(session, state), ["version"], sort=[("_id", 1)], limit=MOST_LISTED
        )
        versions = [(row["_id"], row["version"]) async for part in parts for row in part]
        return view.fingerprint(state, versions) == seen

    async def listed(session: Session, state: str) -> dict[str, Any]:
        """The part of the list that goes on by itself."""
        counts = await counted(session)
        found = await running.documents.query(
            ASSIGNMENTS, _wanted(session, state), sort=[("_id", 1)], limit=MOST_LISTED
        )
        at = now()
        rows = view.by_deadline([stored.state for stored in found], at)
        overdue = sum(1 for row in rows if (due := view.due(row, at)) is not None and due.overdue)
        return {
            "state": state,
            "counts": counts,
            "open": sum(counts[name] for name in AWAITED),
            "rows": rows,
            "overdue": overdue,
            "seen": view.fingerprint(state, [(s.id, s.version) for s in found]),
            "more": len(found) == MOST_LISTED,
        }

    @app.get("/")
    async def list_page(request: Request, state: str = "open") -> Response:
        session = sessions.of(request)
        return page("list.html", session=session, **await listed(session, _state(state)))

    @app.get("/list")
    async def list_part(request: Request, state: str = "open", seen: str = "") -> Response:
        """The list again, or 204 while it is as it was."""
        session, state = sessions.of(request), _state(state)
        if await unchanged(session, state, seen):
            return Response(status_code=204)
        return page("_list.html", **await listed(session, state))

    @app.get("/refusals")
    async def refusals_page(request: Request) -> Response:
        """What was not applied of what the agency's programs sent, and why."""
        session = sessions.of(request)
        found = await running.documents.find(REFUSALS, "_id", [session.agency.id])
        latest = found[0].state.latest if found else ()
        return page("refusals.html", session=session, latest=latest[::-1])

    @app.get("/rates")
    async def rates_page(request: Request, month: str = "") -> Response:
        session, seen = sessions.of(request), shell.lens()
        chosen = _MONTH.fullmatch(month)
        local = seen.at.astimezone(seen.zone)
        year, number = (int(chosen[1]), int(chosen[2])) if chosen else (local.year, local.month)
        begin, end = (datetime(*_month(year, number + by), 1, tzinfo=seen.zone) for by in (0, 1))
        month_of = {"$gte": begin.astimezone(UTC), "$lt": end.astimezone(UTC)}
        tally = Tally(seen.at, MOST_BEHIND)
        async for part in running.documents.parts(
            ASSIGNMENTS,
            {"state.agency": session.agency.id, "state.assigned_at": month_of},
            [f"state.{name}" for name in FIELDS],
            sort=[("state.assigned_at", 1)],
        ):
            tally.add(row["state"] for row in part)
        before = "{:04}-{:02}".format(*_month(year, number - 1))
        after = "{:04}-{:02}".format(*_month(year, number + 1))
        return page(
            "rates.html",
            session=session,
            month=f"{year:04}-{number:02}",
            before=before,
            after=after if end <= seen.at else "",
            assigned=tally.assigned,
            rates=tally.rates,
        )


def _wanted(session: Session, state: str) -> dict[str, Any]:
    """What a list of this name shows."""
    states: Sequence[str] = AWAITED if state == "open" else (state,)
    return {"state.agency": session.agency.id, "state.state": {"$in": list(states)}}


def _state(name: str) -> str:
    return name if name in words.STATES else "open"


def _month(year: int, number: int) -> tuple[int, int]:
    """The month this many months after the beginning of a year."""
    return year + (number - 1) // 12, (number - 1) % 12 + 1
