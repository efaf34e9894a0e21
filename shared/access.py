"""Who asks over HTTP: a tenant, by a bearer token bound to it; or anybody, where an installation allows that.

``required`` is the default. ``optional`` is for a stack on one's own machine: who shows no token is taken for a person
at that machine, who shows one is bound by it all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Literal

from fastapi import Request

from shared.contracts.values import FieldError
from shared.http import Problem
from shared.policy.tenants import Tenant, TenantKind, Tenants

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
        shown = request.headers.get(HEADER)
        if shown is None:
            self.nobody()
            return None
        scheme, _, token = shown.partition(" ")
        if scheme.lower() != _SCHEME or not token.strip():
            raise _denied(401, "写作 Bearer 加令牌 (write Bearer and a token)")
        return self.bearer(token.strip())

    def nobody(self) -> None:
        """Without a token. Raises Problem 401 where one is required."""
        if self._tokens == "required":
            raise _denied(401, "缺少令牌 (a token is required)")

    def bearer(self, token: str) -> Tenant:
        """The tenant that this token is bound to. Raises Problem 401 for a token nobody has, 403 for one that must not
        be used here or now."""
        return self.holder(token_digest(token))

    def holder(self, digest: str) -> Tenant:
        """The same for who keeps only the token's digest, and asks anew each time whether it still lets in."""
        tenant = self._tenants().by_token(digest)
        if tenant is None or tenant.state == "removed":
            raise _denied(401, "令牌无效 (no such token)")
        if not tenant.active:
            raise _denied(403, "租户已暂停 (the tenant is suspended)")
        if "http" not in tenant.rights:
            raise _denied(403, "没有 http 权限 (the tenant has not the right http)")
        if tenant.kind != self._kind:
            raise _denied(403, f"不是{_KINDS[self._kind]}的令牌 (not a token of a {self._kind})")
        return tenant


_KINDS = {"channel": "渠道", "agency": "承办单位", "team": "网格队伍"}


def _denied(status: int, problem: str) -> Problem:
    return Problem(status, f"{HEADER}: {problem}", [FieldError(field=HEADER, problem=problem)])
