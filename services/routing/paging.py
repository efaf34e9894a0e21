"""Lists of cases over HTTP, page by page, in the order of an instant that each of them has."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response

from services.routing.store import CASES
from shared.contracts.values import FieldError
from shared.front import unusable
from shared.service import Running

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(pattern=r"^\S+ \S+$", max_length=200)]


async def page(
    running: Running,
    request: Request,
    response: Response,
    query: dict[str, Any],
    by: str,
    limit: int,
    after: str | None,
) -> list[Any]:
    """Cases in the order of the instant at the path ``by``; when there may be more, the header `Link` names the next
    page. Raises Problem 422 for an ``after`` that is from no such header."""
    if after is not None:
        instant, id = _place_in_line(after)
        query = query | {"$or": [{by: {"$gt": instant}}, {by: instant, "_id": {"$gt": id}}]}
    found = await running.documents.query(CASES, query, sort=[(by, 1), ("_id", 1)], limit=limit)
    if len(found) == limit:
        instant = found[-1].state
        for name in by.split(".")[1:]:
            instant = getattr(instant, name)
        more = request.url.include_query_params(after=f"{instant.isoformat()} {found[-1].id}")
        response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
    return [one.state for one in found]


def _place_in_line(after: str) -> tuple[datetime, str]:
    """The instant and the id of the last entry of a page. Raises Problem 422, field `after`."""
    due, _, id = after.partition(" ")
    try:
        moment = datetime.fromisoformat(due)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise unusable([FieldError(field="after", problem="须取自 Link (take it from the header Link)")])
    return moment, id
