"""Who is signed in: the bearer of an agency's token, which was typed once (docs/decisions/0037).

The cookie is the digest of the token, sealed with the installation's key. The registry is asked for it again with every
request, so a token that was taken back ends the session at once; the seal ends it after half a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlsplit

from fastapi import Request, Response

from shared.access import Access, token_digest
from shared.http import Problem
from shared.policy.tenants import Tenant
from shared.sealing import Seal, SealError

COOKIE = "nuanliu_workbench"
LASTS = timedelta(hours=12)
PATH = "/workbench"
_PURPOSE = "workbench:"
"""So that nothing else sealed with the key passes for a session."""


class SignedOut(Exception):
    """Nobody is signed in, or no longer; ``why`` is for the clerk."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class Forged(Exception):
    """A form that this page did not make for this session."""


@dataclass(frozen=True)
class Session:
    """One browser's. ``mark`` goes into its forms: who cannot read the cookie cannot make it."""

    agency: Tenant
    mark: str

    def confirm(self, mark: str) -> None:
        """Raises Forged unless a form carries the session's mark."""
        if not compare_digest(mark.encode(), self.mark.encode()):
            raise Forged


class Sessions:
    """Begins, finds and ends them. ``secure``: the cookie only goes over TLS."""

    def __init__(self, access: Access, seal: Seal, secure: bool) -> None:
        self._access = access
        self._seal = seal
        self._secure = secure

    def begin(self, token: str, response: Response) -> None:
        """Signs the bearer of this token in. Raises Problem 401 or 403."""
        self._access.bearer(token)
        response.set_cookie(
            COOKIE,
            self._seal.close(_PURPOSE + token_digest(token)),
            max_age=int(LASTS.total_seconds()),
            path=PATH,
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def of(self, request: Request) -> Session:
        """The session a request belongs to. Raises SignedOut."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            raise SignedOut
        try:
            purpose, _, digest = self._seal.open(cookie, LASTS).partition(":")
        except SealError:
            raise SignedOut("登录已过期，请重新登录。") from None
        if purpose + ":" != _PURPOSE:
            raise SignedOut
        try:
            agency = self._access.holder(digest)
        except Problem:
            raise SignedOut("令牌已失效，请用新的令牌登录。") from None
        return Session(agency, sha256(f"form {cookie}".encode()).hexdigest())

    def end(self, response: Response) -> None:
        response.delete_cookie(COOKIE, PATH, secure=self._secure, httponly=True, samesite="strict")


def from_here(request: Request) -> None:
    """Raises Forged for a post that another site's page made, by what the browser says of it."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forged
    origin = request.headers.get("origin")
    if site is None and origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forged
