"""What may be changed about tenants: a registry in, a registry out, or a refusal by field (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from deploy.keys import KeyRing, tenant_key
from deploy.nats_permissions import RESERVED
from shared.policy.tenants import Key, Seat, Tenant, Tenants, Token, Webhook

MOST_SECRETS = 2


class RegistryError(Exception):
    """A change that cannot be made: which field, and what is the matter."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def known(tenants: Tenants, id: str) -> Tenant:
    """The tenant of this id that was not removed. Raises RegistryError."""
    tenant = tenants.get(id)
    if tenant is None:
        raise RegistryError("id", f"没有租户 {id} (no such tenant)")
    if tenant.state == "removed":
        raise RegistryError("id", f"租户 {id} 已注销 (was removed)")
    return tenant


def described(fields: Mapping[str, Any]) -> Tenant:
    """The tenant these fields are. Raises RegistryError naming the first that is wrong."""
    try:
        return Tenant.model_validate(fields)
    except ValidationError as error:
        raise _named(error, "tenant", 0) from None


def add(tenants: Tenants, tenant: Tenant) -> Tenants:
    """One more. An id is given once, for ever: streams, cases and bulletins of years ago carry it."""
    if tenant.id in RESERVED:
        raise RegistryError("id", f"{tenant.id} 是系统保留名 (is reserved)")
    before = tenants.get(tenant.id)
    if before is not None:
        why = (
            "已注销，标识不再使用 (was removed; its id is not given again)"
            if before.state == "removed"
            else ""
        )
        raise RegistryError("id", why or f"租户 {tenant.id} 已存在 (exists already)")
    return checked(tenants, (*tenants.tenants, tenant))


def change(tenants: Tenants, id: str, fields: Mapping[str, Any]) -> Tenants:
    """Other names, areas, contacts, rights or quota. Each field given replaces what was there, of the quota each of its
    numbers."""

    def changed(tenant: Tenant) -> Tenant:
        quota = {**tenant.quota.model_dump(), **fields.get("quota", {})}
        return described({**tenant.model_dump(), **fields, "quota": quota})

    return _changed(tenants, id, changed)


def rotate(tenants: Tenants, id: str, public: str, at: datetime, *, at_once: bool = False) -> Tenants:
    """A new key. The one before stays valid until the rotation is ended; ``at_once`` ends every other now."""

    def turn(tenant: Tenant) -> Tenant:
        if not at_once and len(tenant.keys) > 1:
            problem = (
                "轮换尚未结束，先 --end 或用 --now (being rotated already; end that first, or rotate at once)"
            )
            raise RegistryError("keys", problem)
        kept = () if at_once else tenant.keys
        return tenant.model_copy(update={"keys": (*kept, Key(public=public, since=at))})

    return _changed(tenants, id, turn)


def end_rotation(tenants: Tenants, id: str) -> Tenants:
    """Only the newest key is let in from now on."""

    def end(tenant: Tenant) -> Tenant:
        if len(tenant.keys) < 2:
            raise RegistryError("keys", "没有在轮换 (is not being rotated)")
        return tenant.model_copy(update={"keys": tenant.keys[-1:]})

    return _changed(tenants, id, end)


def suspend(tenants: Tenants, id: str) -> Tenants:
    """Kept out, and given nothing new; what it said is still worked off."""
    return _changed(tenants, id, lambda tenant: _to(tenant, "suspended", among=("active",)))


def resume(tenants: Tenants, id: str) -> Tenants:
    """Let in again."""
    return _changed(tenants, id, lambda tenant: _to(tenant, "active", among=("suspended",)))


def remove(tenants: Tenants, id: str) -> Tenants:
    """Gone for good: what is left is its name, and nothing that counts or has to fit. Only from suspended, so that
    nobody is cut off in the middle."""

    def bare(tenant: Tenant) -> Tenant:
        over = _to(tenant, "removed", among=("suspended",))
        kept = over.model_dump(include={"id", "kind", "agency_kind", "name_zh", "name_en", "state"})
        return described({**kept, "rights": ()})

    return _changed(tenants, id, bare)


def with_token(tenants: Tenants, id: str, token: Token) -> Tenants:
    """One more token for HTTP."""

    def hold(tenant: Tenant) -> Tenant:
        if "http" not in tenant.rights:
            raise RegistryError("rights", "没有 http 权限 (has not the right http)")
        return tenant.model_copy(update={"tokens": (*tenant.tokens, token)})

    return _changed(tenants, id, hold)


def without_token(tenants: Tenants, id: str, token_id: str) -> Tenants:
    """The token of this id is not taken any more."""

    return _changed(
        tenants, id, lambda tenant: tenant.model_copy(update={"tokens": _left(tenant.tokens, token_id)})
    )


def hook(tenants: Tenants, id: str, url: str, sealed: str, at: datetime, *, at_once: bool = False) -> Tenants:
    """Deliver to this address from now on. A secret before stays beside the new one, so that the receiver can change in
    its own time; the third drops the first, ``at_once`` every other."""

    def give(tenant: Tenant) -> Tenant:
        before = tenant.webhook.secrets if tenant.webhook and not at_once else ()
        secrets = (*before, sealed)[-MOST_SECRETS:]
        rights = tenant.rights if "webhook" in tenant.rights else (*tenant.rights, "webhook")
        return tenant.model_copy(
            update={"webhook": Webhook(url=url, secrets=secrets, since=at), "rights": rights}
        )

    return _changed(tenants, id, give)


def unhook(tenants: Tenants, id: str) -> Tenants:
    """Deliver nowhere any more."""

    def take(tenant: Tenant) -> Tenant:
        if tenant.webhook is None:
            raise RegistryError("webhook", "没有设置 (has none)")
        return tenant.model_copy(update={"webhook": None})

    return _changed(tenants, id, take)


def known_seat(tenants: Tenants, id: str) -> Seat:
    """The seat of the centre of this id that was not removed. Raises RegistryError."""
    seat = next((one for one in tenants.seats if one.id == id), None)
    if seat is None or seat.removed:
        raise RegistryError("id", f"没有席位 {id} (no such seat of the centre)")
    return seat


def described_seat(fields: Mapping[str, Any]) -> Seat:
    """The seat these fields are. Raises RegistryError naming the first that is wrong."""
    try:
        return Seat.model_validate(fields)
    except ValidationError as error:
        raise _named(error, "seat", 0) from None


def add_seat(tenants: Tenants, seat: Seat) -> Tenants:
    """One more seat. Its id stands in histories for ever, so it is given once, and is nobody else's."""
    if seat.id in RESERVED:
        raise RegistryError("id", f"{seat.id} 是系统保留名 (is reserved)")
    if tenants.get(seat.id) is not None or any(one.id == seat.id for one in tenants.seats):
        raise RegistryError("id", f"{seat.id} 已使用，标识只用一次 (is taken; an id is given once)")
    return checked(tenants, tenants.tenants, (*tenants.seats, seat))


def remove_seat(tenants: Tenants, id: str) -> Tenants:
    """Nobody speaks from this seat any more; its name stays, for what it once decided."""
    return _reseated(tenants, id, lambda seat: seat.model_copy(update={"removed": True, "tokens": ()}))


def with_seat_token(tenants: Tenants, id: str, token: Token, *, at_once: bool = False) -> Tenants:
    """One more token of a seat; ``at_once`` ends every other now."""

    def hold(seat: Seat) -> Seat:
        return seat.model_copy(update={"tokens": (*(() if at_once else seat.tokens), token)})

    return _reseated(tenants, id, hold)


def without_seat_token(tenants: Tenants, id: str, token_id: str) -> Tenants:
    """The token of this id is not taken any more."""
    return _reseated(
        tenants, id, lambda seat: seat.model_copy(update={"tokens": _left(seat.tokens, token_id)})
    )


def extended(before: Tenants, named: Tenants) -> Tenants:
    """A registry with those whom its district has named since. Who is known stays as it is."""
    met = {tenant.id for tenant in before.tenants} | {seat.id for seat in before.seats}
    newcomers = (tenant for tenant in named.tenants if tenant.id not in met)
    seats = (seat for seat in named.seats if seat.id not in met)
    return checked(named, (*before.tenants, *newcomers), (*before.seats, *seats))


def with_kept_keys(tenants: Iterable[Tenant], ring: KeyRing, at: datetime) -> tuple[Tenant, ...]:
    """For a stack that plays everybody outside as well: who has no key gets one whose seed is kept in the ring."""
    return tuple(
        tenant
        if tenant.keys or tenant.state == "removed"
        else tenant.model_copy(update={"keys": (Key(public=ring.public(tenant_key(tenant.id)), since=at),)})
        for tenant in tenants
    )


def checked(tenants: Tenants, changed: Iterable[Tenant], seats: Iterable[Seat] | None = None) -> Tenants:
    """The registry with these tenants, and these seats or its own, if it is a sound one. Raises RegistryError."""
    try:
        return Tenants(
            district=tenants.district,
            tenants=[tenant.model_dump(exclude_unset=False) for tenant in changed],
            seats=[seat.model_dump() for seat in (tenants.seats if seats is None else seats)],
        )
    except ValidationError as error:
        raise _named(error, "tenants", 2) from None


def _left(tokens: tuple[Token, ...], token_id: str) -> tuple[Token, ...]:
    left = tuple(token for token in tokens if token.id != token_id)
    if len(left) == len(tokens):
        raise RegistryError("tokens", f"没有令牌 {token_id} (no such token)")
    return left


def _reseated(tenants: Tenants, id: str, change: Callable[[Seat], Seat]) -> Tenants:
    after = change(known_seat(tenants, id))
    seats = (after if seat.id == id else seat for seat in tenants.seats)
    return checked(tenants, tenants.tenants, seats)


def _named(error: ValidationError, whole: str, skipped: int) -> RegistryError:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"][skipped:]) or whole
    return RegistryError(field, first["msg"].removeprefix("Value error, "))


def _changed(tenants: Tenants, id: str, change: Callable[[Tenant], Tenant]) -> Tenants:
    after = change(known(tenants, id))
    return checked(tenants, (after if tenant.id == id else tenant for tenant in tenants.tenants))


def _to(tenant: Tenant, state: str, among: tuple[str, ...]) -> Tenant:
    if tenant.state not in among:
        problem = f"现为 {tenant.state}，须先为 {among[0]} (is {tenant.state}, must be {among[0]} first)"
        raise RegistryError("state", problem)
    return tenant.model_copy(update={"state": state})
