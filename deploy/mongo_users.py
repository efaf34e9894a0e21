"""Database users and indexes: each service has a user that reads and writes documents of its own database, and can do
nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import quote_plus

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.keys import ADMIN
from shared.contracts.streams import SERVICES

_TIMEOUT_MS = 10_000
_USER_EXISTS = 51003
_ROLE_EXISTS = 51002
_AUTHENTICATION_FAILED = 18

SERVICE_ROLE = "service"
SERVICE_ACTIONS = ("find", "insert", "update")
"""What the loop and the HTTP fronts do. Nothing is ever deleted, and only the setup step makes indexes."""


class CollectionLike(Protocol):
    """What a service's store says about one of its collections.

    ``indexes``: (keys, options) each, keys as [(field, 1 or -1), ...].
    """

    @property
    def name(self) -> str: ...

    @property
    def indexes(self) -> Iterable[tuple[Sequence[tuple[str, int]], Mapping[str, Any]]]: ...


def user_url(address: str, user: str, password: str, ca: str = "") -> str:
    """The URL of a service's user, who is known in the database of the same name; the admin in ``admin``.

    ``ca``: over TLS, to a server whose certificate one of the authorities in this file signed.
    """
    tls = f"&tls=true&tlsCAFile={quote_plus(ca)}" if ca else ""
    return f"mongodb://{quote_plus(user)}:{quote_plus(password)}@{address}/?authSource={user}{tls}"


async def create_users(url: str, password: Callable[[str], str], services: Iterable[str] = SERVICES) -> None:
    """Create the admin and one user and role per service, or set passwords and rights anew.

    ``url`` reaches a server as its administrator, or one that asks for no password yet.
    """
    async with client(url) as mongo:
        for service in services:
            await _create_or_update_role(mongo, service)
            role = {"role": SERVICE_ROLE, "db": service}
            await _create_or_update(mongo, service, password(service), [role])
        await _create_or_update(mongo, ADMIN, password(ADMIN), [{"role": "root", "db": "admin"}])


async def known(url: str) -> bool:
    """Whether the server takes the user and password in ``url``."""
    try:
        async with client(url) as mongo:
            await mongo.admin.command("ping")
            return True
    except OperationFailure as failure:
        if failure.code == _AUTHENTICATION_FAILED:
            return False
        raise


def collections(services: Iterable[str] = SERVICES) -> dict[str, Sequence[CollectionLike]]:
    """Service -> its collections, asked of the services' stores."""
    return {name: tuple(import_module(f"services.{name}.store").COLLECTIONS) for name in services}


async def create_indexes(url: str, wanted: Mapping[str, Iterable[CollectionLike]]) -> int:
    """Create the indexes each service's store names; returns how many it asked for.

    An index that exists as wanted is left alone; one of the same name and another shape is an
    OperationFailure.
    """
    asked = 0
    async with client(url) as mongo:
        for database, stores in wanted.items():
            for store in stores:
                for keys, options in store.indexes:
                    await mongo[database][store.name].create_index(list(keys), **options)
                    asked += 1
    return asked


def client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    """A client of the setup step; errors come after 10 seconds instead of never."""
    return AsyncMongoClient(url, serverSelectionTimeoutMS=_TIMEOUT_MS, tz_aware=True)


async def _create_or_update_role(mongo: AsyncMongoClient[dict[str, Any]], database: str) -> None:
    everything = {"db": database, "collection": ""}
    rights: dict[str, Any] = {
        "privileges": [{"resource": everything, "actions": list(SERVICE_ACTIONS)}],
        "roles": [],
    }
    try:
        await mongo[database].command("createRole", SERVICE_ROLE, **rights)
    except OperationFailure as failure:
        if failure.code != _ROLE_EXISTS:
            raise
        await mongo[database].command("updateRole", SERVICE_ROLE, **rights)


async def _create_or_update(
    mongo: AsyncMongoClient[dict[str, Any]], user: str, password: str, roles: list[dict[str, str]]
) -> None:
    try:
        await mongo[user].command("createUser", user, pwd=password, roles=roles)
    except OperationFailure as failure:
        if failure.code != _USER_EXISTS:
            raise
        await mongo[user].command("updateUser", user, pwd=password, roles=roles)
