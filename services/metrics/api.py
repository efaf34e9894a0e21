"""HTTP of metrics (CONTRACTS 5): indicators over a span of days, and the bulletins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from services.metrics.bulletin.model import Figures, Kind, Period, bulletin
from services.metrics.bulletin.render import DOCX, XLSX, as_docx, as_html, as_xlsx
from services.metrics.bulletin.tables import name_of
from services.metrics.domain.indicators import FORMULAS, ratios, spread
from services.metrics.domain.rollups import Cell, grouped, total
from services.metrics.keeper import settle
from services.metrics.mirror import Mirror
from services.metrics.store import ROLLUPS
from shared.contracts.values import FieldError
from shared.http import Problem
from shared.service import Running

By = Literal["agency", "subdistrict", "community", "category", "channel"]
MOST_DAYS = 400
DEFAULT_DAYS = 7
YEARS = range(2000, 2100)


def routes(app: FastAPI, running: Running, mirror: Mirror) -> None:
    async def present() -> datetime:
        """Brings rollups and mirror up to all facts; gives the time the figures are of."""
        await settle(running.documents, running.jurisdiction)
        await mirror.refresh(running.documents)
        return mirror.present(running)

    async def cells(first: date, last: date) -> list[Cell]:
        within = {"state.day": {"$gte": first.isoformat(), "$lte": last.isoformat()}}
        return [c for stored in await running.documents.query(ROLLUPS, within) for c in stored.state.cells]

    @app.get("/api/v1/indicators")
    async def indicators(
        by: By = "agency",
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        """Every indicator by one dimension, over local days, both included; by default the last seven."""
        as_of = await present()
        last = until or as_of.date()
        first = since or max(last, date(YEARS.start, 1, DEFAULT_DAYS)) - timedelta(days=DEFAULT_DAYS - 1)
        _check_span(first, last)
        within = await cells(first, last)
        return {
            "from": first,
            "to": last,
            "by": by,
            "as_of": as_of,
            "names": {name: formula.name for name, formula in FORMULAS.items()},
            "rows": [
                {"value": value or None, "name": name_of(by, value, running.jurisdiction), **_figures(cell)}
                for value, cell in grouped(within, by).items()
            ],
            "total": _figures(total(within)),
        }

    @app.get("/bulletins/{kind}/{file}")
    async def bulletins(kind: str, file: str) -> Response:
        """A bulletin by any day of its period, as html, xlsx, docx or json."""
        day, _, form = file.partition(".")
        period = Period.around(_kind(kind), _date(day))
        if form not in ("html", "xlsx", "docx", "json"):
            raise _none("form", f"no bulletin as {form!r}; there is html, xlsx, docx and json")
        as_of = await present()
        everything = mirror.rollups.values()
        figures = Figures(
            within=await cells(period.first, period.last),
            until=[cell for r in everything if r.day <= period.last.isoformat() for cell in r.cells],
            ever=[cell for r in everything for cell in r.cells],
            as_of=as_of,
        )
        model = bulletin(period, figures, running.jurisdiction)
        match form:
            case "json":
                return Response(orjson.dumps(model), media_type="application/json")
            case "html":
                return Response(as_html(model), media_type="text/html; charset=utf-8")
            case "xlsx":
                return _file(await run_in_threadpool(as_xlsx, model), XLSX, f"{kind}-{period.first}.xlsx")
            case _:
                return _file(await run_in_threadpool(as_docx, model), DOCX, f"{kind}-{period.first}.docx")


def _figures(cell: Cell) -> dict[str, Any]:
    times = {name: found.as_json() for name, seconds in cell.times.items() if (found := spread(seconds))}
    return {
        "indicators": {name: found.as_json() for name, found in ratios(cell.counts).items()},
        "times": times,
    }


def _check_span(first: date, last: date) -> None:
    for field, day in (("to", last), ("from", first)):
        if day.year not in YEARS:
            raise _invalid(field, f"{day} is not of this century")
    if first > last:
        raise _invalid("from", f"{first} lies after {last}")
    if (last - first).days >= MOST_DAYS:
        raise _invalid("from", f"at most {MOST_DAYS} days are summed up at once")


def _kind(kind: str) -> Kind:
    match kind:
        case "daily" | "weekly" | "monthly":
            return kind
        case _:
            raise _none("kind", f"no bulletin {kind!r}; there is daily, weekly and monthly")


def _date(day: str) -> date:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = date.min
    if found.isoformat() != day or found.year not in YEARS:
        raise _invalid("date", "a day of this century, written like 2026-11-15")
    return found


def _invalid(field: str, problem: str) -> Problem:
    return Problem(422, f"{field}: {problem}", [FieldError(field=field, problem=problem)])


def _none(field: str, problem: str) -> Problem:
    return Problem(404, f"{field}: {problem}", [FieldError(field=field, problem=problem)])


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
