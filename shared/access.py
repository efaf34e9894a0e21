"""Who asks over HTTP: a tenant or a seat of the centre, by a bearer token bound to it; or anybody, where an
installation allows that.

``required`` is the default. ``optional`` is for a stack on one's own machine: who shows no token is taken for a person
at that machine, who shows one is bound by it all the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from hashlib import sha256
from typing import Literal

from fastapi import Depends, FastAPI, Request

from shared.contracts.values import FieldError
from shared.http import Problem
from shared.policy.tenants import Seat, Tenant, TenantKind, Tenants

Tokens = Literal["required", "optional"]
HEADER = "Authorization"
_SCHEME = "bearer"


def token_digest(token: str) -> str:
    """By what the registry knows a token."""
    return sha256(token.encode()).hexdigest()


class Access:
    """Tells who asks; a dependency of routes. ``tenants`` gives the registry as it is now."""

    def __init__(self, tenants: Callable[[], Tenants], kind: TenantKind, tokens: Tokens) -> None:
        self._tenants = tenants
        self._kind = kind
        self._tokens = tokens

    async def __call__(self, request: Request) -> Tenant | None:
        return self.of(request)

    def of(self, request: Request) -> Tenant | None:
        """The tenant whose token was shown; None for nobody in particular. Raises Problem 401 or 403."""
        scheme, token = _shown(request)
        if not scheme:
            self.nobody()
            return None
        if scheme != _SCHEME or not token:
            raise _denied(401, _WRITE_BEARER)
        return self.bearer(token)

    def nobody(self) -> None:
        """Without a token. Raises Problem 401 where one is required."""
        if self._tokens == "required":
            raise _denied(401, _MISSING)

    def bearer(self, token: str) -> Tenant:
        """The tenant that this token is bound to. Raises Problem 401 for a token nobody has, 403 for one that must not
        be used here or now."""
        return self.holder(token_digest(token))

    def holder(self, digest: str) -> Tenant:
        """The same for who keeps only the token's digest, and asks anew each time whether it still lets in."""
        tenant = self._tenants().by_token(digest)
        if tenant is None or tenant.state == "removed":
            raise _denied(401, _UNKNOWN)
        if not tenant.active:
            raise _denied(403, "租户已暂停 (the tenant is suspended)")
        if "http" not in tenant.rights:
            raise _denied(403, "没有 http 权限 (the tenant has not the right http)")
        if tenant.kind != self._kind:
            raise _denied(403, f"不是{_KINDS[self._kind]}的令牌 (not a token of a {self._kind})")
        return tenant


class Centre:
    """Tells from which seat of the centre something is asked; a dependency of routes. A leader's seat only reads.

    Bulletins are pages for people: to read, a browser may show the token as the password it asks for (Basic, under any
    name). An order takes Bearer only, which no page of another site can make a browser send.
    """

    def __init__(self, tenants: Callable[[], Tenants], tokens: Tokens) -> None:
        self._tenants = tenants
        self._tokens = tokens

    async def __call__(self, request: Request) -> Seat | None:
        """Also leaves the seat with the request, for ``asking``. Raises Problem 401 or 403."""
        seat = self.of(request)
        request.state.seat = seat
        return seat

    def of(self, request: Request) -> Seat | None:
        """The seat whose token was shown; None for nobody in particular. Raises Problem 401 or 403."""
        reads = request.method in _READS
        challenge = _CHALLENGE_TO_READ if reads else _CHALLENGE
        scheme, token = _shown(request)
        if not scheme:
            if self._tokens == "required":
                raise _denied(401, _MISSING, challenge)
            return None
        if scheme == "basic" and reads:
            token = _password(token)
        elif scheme != _SCHEME:
            token = ""
        if not token:
            raise _denied(401, _WRITE_BEARER, challenge)
        tenants, digest = self._tenants(), token_digest(token)
        seat = tenants.seat_by_token(digest)
        if seat is None and tenants.by_token(digest) is not None:
            raise _denied(403, "不是中心席位的令牌 (not a token of a seat of the centre)")
        if seat is None or seat.removed:
            raise _denied(401, _UNKNOWN, challenge)
        if seat.role != "desk" and not reads:
            raise _denied(403, "领导席只读，不能下令 (a leader's seat only reads)")
        return seat


def for_the_centre(app: FastAPI, centre: Centre) -> None:
    """Every route added from here on is the centre's only."""
    app.router.dependencies.append(Depends(centre))


def asking(request: Request) -> Seat | None:
    """From which seat of the centre a request of ``for_the_centre`` comes; None for nobody in particular."""
    seat: Seat | None = getattr(request.state, "seat", None)
    return seat


_READS = ("GET", "HEAD")
_KINDS = {"channel": "渠道", "agency": "承办单位", "team": "网格队伍"}
_MISSING = "缺少令牌 (a token is required)"
_WRITE_BEARER = "写作 Bearer 加令牌 (write Bearer and a token)"
_UNKNOWN = "令牌无效 (no such token)"
_CHALLENGE = "Bearer"
_CHALLENGE_TO_READ = 'Bearer, Basic realm="nuanliu", charset="UTF-8"'


def _shown(request: Request) -> tuple[str, str]:
    """Scheme, in small letters, and what follows it; both empty where nothing was shown."""
    shown = request.headers.get(HEADER)
    if shown is None:
        return "", ""
    scheme, _, token = shown.partition(" ")
    return scheme.lower() or "?", token.strip()


def _password(pair: str) -> str:
    """The password of Basic; empty for what cannot be read."""
    try:
        return base64.b64decode(pair, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _denied(status: int, problem: str, challenge: str = _CHALLENGE) -> Problem:
    errors = [FieldError(field=HEADER, problem=problem)]
    return Problem(status, f"{HEADER}: {problem}", errors, challenge=challenge if status == 401 else None)
