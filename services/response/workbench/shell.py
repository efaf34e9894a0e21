"""The page as an application of its own: whose session it is, how it is guarded, and errors that are pages too."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from services.response.workbench import view, words
from services.response.workbench.face import FILES, TEMPLATES, VERSION
from services.response.workbench.session import PATH, Forged, Session, Sessions, SignedOut, from_here
from shared.access import Access
from shared.http import Problem
from shared.loop.documents import Unreachable
from shared.loop.envelope import now
from shared.sealing import Seal
from shared.service import Running

GUARD = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Shell:
    """What all pages share; ``app`` answers for signing in and out, for files of the page itself, and for errors."""

    def __init__(self, running: Running) -> None:
        settings = running.settings
        self._running = running
        access = Access(lambda: running.jurisdiction.tenants, "agency", settings.http_tokens)
        seal = Seal.of(settings.webhook_key) if settings.webhook_key is not None else Seal.fresh()
        self.sessions = Sessions(access, seal, secure=settings.http_tokens == "required")
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        _guard(self)
        _entrance(self)

    def lens(self) -> view.Lens:
        return view.Lens(self._running.jurisdiction, now())

    def page(
        self, template: str, status: int = 200, session: Session | None = None, **shown: Any
    ) -> Response:
        """A template with what every one needs, and with ``shown``."""
        common = {"lens": self.lens(), "words": words, "view": view, "version": VERSION, "path": PATH}
        text = TEMPLATES.get_template(template).render(common | shown, session=session)
        return HTMLResponse(text, status)

    def confirm(self, request: Request, session: Session, form: FormData) -> None:
        """Raises Forged unless this is a form of this page, filled in in this session."""
        from_here(request)
        session.confirm(str(form.get("mark", "")))


def _guard(shell: Shell) -> None:
    app = shell.app

    @app.middleware("http")
    async def guarded(request: Request, then: Any) -> Response:
        response: Response = await then(request)
        for name, value in GUARD.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(SignedOut)
    async def signed_out(request: Request, error: SignedOut) -> Response:
        if request.headers.get("hx-request"):
            return shell.page("_signed_out.html", why=error.why)
        if request.method == "GET" and not error.why:
            return RedirectResponse(f"{PATH}/sign-in", 303)
        response = shell.page("sign_in.html", 401, why=error.why or "请先登录。", problem="")
        shell.sessions.end(response)
        return response

    @app.exception_handler(Forged)
    async def forged(_: Request, __: Forged) -> Response:
        return shell.page(
            "problem.html", 403, title="没有提交", said="这个表单不是从本页提交的，请打开页面再填。"
        )

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        said = "没有这个承办单，或它不属于本单位。" if error.status == 404 else error.detail
        return shell.page("problem.html", error.status, title="办不到", said=said)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        absent = error.status_code in (404, 405)
        title, said = (
            ("没有这一页", "地址不对，请从清单进入。") if absent else ("没有提交", "表单不完整，请重填。")
        )
        return shell.page("problem.html", error.status_code, title=title, said=said)

    @app.exception_handler(Unreachable)
    async def away(_: Request, __: Unreachable) -> Response:
        return shell.page("problem.html", 503, title="稍等", said="系统有部件暂时不在，请过一会儿刷新。")


def _entrance(shell: Shell) -> None:
    app, page, sessions = shell.app, shell.page, shell.sessions

    @app.get("/face/{name}")
    async def face(name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404)
        content, kind = FILES[name]
        return Response(content, headers={"Cache-Control": "public, max-age=31536000"}, media_type=kind)

    @app.get("/sign-in")
    async def sign_in_page() -> Response:
        return page("sign_in.html", why="", problem="")

    @app.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        from_here(request)
        async with request.form(max_files=0, max_fields=5) as form:
            token = str(form.get("token", "")).strip()
        response = RedirectResponse(f"{PATH}/", 303)
        try:
            sessions.begin(token, response)
        except Problem as error:
            return page("sign_in.html", 401, why="", problem=error.errors[0].problem)
        return response

    @app.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=5) as form:
            shell.confirm(request, sessions.of(request), form)
        response = RedirectResponse(f"{PATH}/sign-in", 303)
        sessions.end(response)
        return response
