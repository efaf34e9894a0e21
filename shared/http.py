"""HTTP as every service speaks it: problems by name (RFC 9457), health, metrics, the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException

from shared.catalogue.sheets import Sheets
from shared.contracts.values import FieldError
from shared.loop.bus import NotStored
from shared.loop.documents import Unreachable

log = structlog.get_logger()

TITLES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Invalid",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}

ALONE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""What is read under /docs/ runs nothing and fetches nothing."""


class Problem(Exception):
    """An answer that is not what was asked for: status, and which fields are the matter. ``challenge``: how who asks
    may show who it is."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        challenge: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.retry_after = retry_after
        self.challenge = challenge


def problem(
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    retry_after: int | None = None,
    challenge: str | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"field": e.field, "problem": e.problem} for e in errors]
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def _named(where: Sequence[Any]) -> str:
    """The field of this path; "data" for the body as a whole."""
    return ".".join(str(part) for part in where if part not in ("body", "query", "header", "path")) or "data"


def absent(field: str, what: str) -> Problem:
    """404 for what is not there, or not yet: a fresh id may be unknown for a moment."""
    return Problem(404, f"{field}: {what}", [FieldError(field=field, problem=what)], retry_after=1)


def create(
    title: str,
    ready: Callable[[], Awaitable[str]],
    registry: CollectorRegistry,
    sheets: Sheets,
) -> FastAPI:
    """The application every service starts from. ``ready`` gives what is wrong, empty when nothing is; ``sheets`` are
    what lies under /docs/."""
    app = FastAPI(title=title, version="1.0", redoc_url=None, docs_url=None)

    @app.exception_handler(Problem)
    async def _problem(_request: Request, error: Problem) -> Response:
        return problem(error.status, error.detail, error.errors, error.retry_after, error.challenge)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        errors = [
            FieldError(
                field="data" if e["type"] == "json_invalid" else _named(e["loc"]),
                problem=e["msg"],
            )
            for e in error.errors()
        ]
        return problem(422, "; ".join(f"{e.field}: {e.problem}" for e in errors), errors)

    @app.exception_handler(Unreachable)
    @app.exception_handler(NotStored)
    async def _away(request: Request, error: Exception) -> Response:
        log.warning("a question cannot be answered now", path=request.url.path, reason=str(error))
        return problem(503, "暂时无法办理，请稍后再试 (not available just now, try again)", retry_after=1)

    @app.exception_handler(Exception)
    async def _defect(_request: Request, _error: Exception) -> Response:
        return problem(500, "系统内部错误，已记录 (an error of ours, it is in the log)")

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> Response:
        answer = problem(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.get("/health/live", include_in_schema=False)
    async def _live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", include_in_schema=False)
    async def _ready() -> Response:
        wrong = await ready()
        return (
            problem(503, wrong, retry_after=1)
            if wrong
            else Response(b'{"status":"ready"}', media_type="application/json")
        )

    @app.get("/metrics", include_in_schema=False)
    async def _metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @app.get("/docs/{path:path}", include_in_schema=False)
    async def _docs(path: str) -> Response:
        sheet = await asyncio.to_thread(sheets.get, path)
        if sheet is None:
            return problem(404, f"/docs/{path}: there is no such page")
        return Response(sheet.text, headers=ALONE, media_type=sheet.media_type)

    return app
