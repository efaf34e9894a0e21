"""The pages of an agency: its list, its rates, what it was refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from services.response.domain.rates import rates
from services.response.store import ASSIGNMENTS, REFUSALS
from services.response.workbench import assignment, view, words
from services.response.workbench.session import PATH, Session
from services.response.workbench.shell import Shell
from shared.loop.envelope import now
from shared.service import Running

AWAITED = ("assigned", "accepted", "arrived", "deferred")
MOST_LISTED = 500
MOST_RATED = 5000
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

    async def listed(session: Session, state: str) -> dict[str, Any]:
        """The part of the list that goes on by itself."""
        mine = {"state.agency": session.agency.id}
        states = {name: {**mine, "state.state": name} for name in words.STATES}
        counted = await asyncio.gather(
            *(running.documents.count(ASSIGNMENTS, query) for query in states.values())
        )
        counts = dict(zip(states, counted, strict=True))
        wanted: Sequence[str] = AWAITED if state == "open" else (state,)
        found = await running.documents.query(
            ASSIGNMENTS, {**mine, "state.state": {"$in": list(wanted)}}, sort=[("_id", 1)], limit=MOST_LISTED
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
            "seen": view.fingerprint(state, counts, overdue, [(s.id, s.version) for s in found]),
            "more": len(found) == MOST_LISTED,
        }

    @app.get("/")
    async def list_page(request: Request, state: str = "open") -> Response:
        session = sessions.of(request)
        return page("list.html", session=session, **await listed(session, _state(state)))

    @app.get("/list")
    async def list_part(request: Request, state: str = "open", seen: str = "") -> Response:
        """The list again, or 204 while it is as it was."""
        session = sessions.of(request)
        shown = await listed(session, _state(state))
        return Response(status_code=204) if shown["seen"] == seen else page("_list.html", **shown)

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
        found = await running.documents.query(
            ASSIGNMENTS,
            {
                "state.agency": session.agency.id,
                "state.assigned_at": {"$gte": begin.astimezone(UTC), "$lt": end.astimezone(UTC)},
            },
            limit=MOST_RATED,
        )
        cohort = [stored.state for stored in found]
        before = "{:04}-{:02}".format(*_month(year, number - 1))
        after = "{:04}-{:02}".format(*_month(year, number + 1))
        return page(
            "rates.html",
            session=session,
            month=f"{year:04}-{number:02}",
            before=before,
            after=after if end <= seen.at else "",
            assigned=len(cohort),
            more=len(found) == MOST_RATED,
            rates=rates(cohort, seen.at),
            most=MOST_BEHIND,
        )


def _state(name: str) -> str:
    return name if name in words.STATES else "open"


def _month(year: int, number: int) -> tuple[int, int]:
    """The month this many months after the beginning of a year."""
    return year + (number - 1) // 12, (number - 1) % 12 + 1
