"""What `python -m deploy.render` writes, started: both servers, the setup job and services, over TLS and nothing else.

Real programs on the rendered files; only addresses and paths are those of this machine instead of a container's.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from cryptography import x509
from nats.aio.client import Client
from pymongo import AsyncMongoClient
from pymongo.errors import ServerSelectionTimeoutError

from deploy import SAMPLE
from deploy.certificates import CA, HERE, certify, server_file
from deploy.examples import examples
from deploy.keys import ADMIN
from deploy.local.engines import HOST, MONGO, NATS, connect, healthy, listening, mongo_part, nats_url
from deploy.local.supervisor import Part, Process, Supervisor
from deploy.mongo_users import client, create_users, user_url
from deploy.production import CA_FILE, CERTIFICATE, HTTP_PORTS, MONGO_ADDRESS
from deploy.provision import ProvisionSettings, provision
from deploy.registry.installation import Installation
from deploy.render import DISTRICT, ROOT, render
from shared.loop.envelope import now
from shared.policy import load
from tests.e2e.running import nuanliu
from tests.support.engines import free_ports
from tests.support.live import until
from tests.support.messages import binary

SERVICES = ("intake", "routing", "response")
"""Those through which an appeal becomes an agency's assignment."""

CHANNEL = "hotline-12345"
SAME_ADDRESS = "127.1"
"""Another way to write 127.0.0.1, which is in no certificate."""


@dataclass(frozen=True)
class Production:
    """A rendered installation that runs here. ``seeds``: what `tenant rotate` handed out."""

    installation: Installation
    mongo_port: int
    supervisor: Supervisor
    seeds: dict[str, str]

    @property
    def url(self) -> str:
        return self.installation.shape.nats_url

    @property
    def ca(self) -> Path:
        return self.installation.directory / CA

    def mongo(self, user: str = ADMIN, host: str = HOST, ca: Path | None = None) -> str:
        password = self.installation.keys.password(f"mongo/{user}")
        return user_url(f"{host}:{self.mongo_port}", user, password, str(ca or self.ca))

    def hand_out(self, tenant: str) -> None:
        """A key, as an operator does it: it also tells the server, over TLS."""
        command = nuanliu("tenant", "rotate", tenant, "--dir", str(self.installation.directory))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.seeds[tenant] = done.stdout.strip()

    async def enter(self, tenant: str) -> Client:
        return await connect(self.url, self.seeds[tenant], tenant, self.ca)


@pytest.fixture(scope="module")
async def production(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Production]:
    out = tmp_path_factory.mktemp("production")
    nats_port, monitor, mongo_port, *http = free_ports(3 + len(SERVICES))
    rendered = render(out, SAMPLE)
    here = replace(
        rendered.shape,
        nats_url=nats_url(nats_port, tls=True),
        listen=f"{HOST}:{nats_port}",
        monitor=f"{HOST}:{monitor}",
        store=str(out / "jetstream"),
        certificate=str(out / server_file(NATS)),
    )
    installation = Installation.describe(out, here)
    config = installation.write_config(installation.district().tenants)
    supervisor = Supervisor()
    running = Production(installation, mongo_port, supervisor, {})
    try:
        command = [str(Path(sys.executable).parent / "nats-server"), "-c", str(config)]
        await supervisor.start(Part(NATS, command, log=out / "nats.log", lacks=listening(nats_port)))
        await first_start(out, mongo_port, installation)
        await supervisor.start(mongo_part(out, mongo_port, tls=True))
        await supervisor.until_ready([NATS, MONGO], 30)
        await provision(
            ProvisionSettings(
                nats_url=running.url,
                mongo_address=f"{HOST}:{mongo_port}",
                secrets=out / "secrets",
                policy=SAMPLE,
                registry=installation.registry,
                ca=running.ca,
            )
        )
        for service, port in zip(SERVICES, http, strict=True):
            await supervisor.start(service_part(running, service, port))
        await supervisor.until_ready(list(SERVICES), 60)
        yield running
    finally:
        await supervisor.kill_all()


async def first_start(out: Path, port: int, installation: Installation) -> None:
    """The administrator and nobody else, as the database's container makes it; the setup job makes the others."""
    server = await Process.start(mongo_part(out, port, auth=False))
    try:
        await server.until_ready(30)
        url = f"mongodb://{HOST}:{port}/"
        await create_users(url, lambda user: installation.keys.password(f"mongo/{user}"), services=())
        async with client(url) as mongo:
            await mongo.admin.command("fsync")
    finally:
        await server.kill()


def service_part(running: Production, service: str, port: int) -> Part:
    """A service with the environment of docker-compose.yml, and the database URL that was rendered."""
    out = running.installation.directory
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    here = {
        "tls://nats:4222": running.url,
        "/run/secrets/nats_seed": str(out / f"secrets/services/{service}.seed"),
        "/run/secrets/webhook_key": str(out / "secrets/webhooks.key"),
        CA_FILE: str(running.ca),
        "/etc/district": str(out / DISTRICT),
        "/etc/nuanliu/tenants.yaml": str(running.installation.registry),
        "/var/lib/nuanliu/files": str(out / "files"),
        "0.0.0.0": HOST,
        str(HTTP_PORTS[service]): str(port),
    }
    environment = compose["services"][service]["environment"]
    asked = {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for key, value in environment.items()}
    env = {key: here.get(value, value) for key, value in asked.items()}
    url = (out / f"secrets/mongo/{service}.url").read_text().strip()
    url = url.replace(MONGO_ADDRESS, f"{HOST}:{running.mongo_port}").removesuffix("&replicaSet=nuanliu")
    env["NUANLIU_MONGO_URL"] = url.replace(CA_FILE.replace("/", "%2F"), str(running.ca))
    command = [sys.executable, "-m", f"services.{service}"]
    return Part(service, command, log=out / f"{service}.log", lacks=healthy(port), env=env)


async def test_an_appeal_becomes_an_assignment(production: Production) -> None:
    example = next(one for one in examples(load(SAMPLE)) if not one["assist_agencies"])
    agency = example["lead_agency"]
    production.hand_out(CHANNEL)
    production.hand_out(agency)
    channel, company = await production.enter(CHANNEL), await production.enter(agency)

    await channel.jetstream().publish(
        f"intake.{CHANNEL}.submitted.v1",
        json.dumps(example["submitted"]).encode(),
        headers=binary("nuanliu.intake.submitted.v1", "over-tls"),
    )
    orders = await company.jetstream().pull_subscribe_bind(
        consumer=agency, stream="DISPATCH", inbox_prefix=f"_INBOX.{agency}.".encode()
    )
    (order,) = await orders.fetch(1, timeout=30)

    assert order.subject == f"dispatch.{agency}.assigned.v1"
    assert "Violation" not in (production.installation.directory / "nats.log").read_text()
    await channel.close()
    await company.close()


async def restarted(production: Production) -> None:
    supervisor = production.supervisor
    await supervisor.until_restarted(MONGO, supervisor.kill(MONGO), 30)


def strangers(tmp_path: Path) -> Path:
    """The authority of somebody else."""
    certify(tmp_path, {"nats": HERE}, now())
    return tmp_path / CA


@pytest.mark.parametrize("trusts", ["nobody in particular", "somebody else"])
async def test_a_client_does_not_talk_to_a_nats_it_does_not_trust(
    production: Production, tmp_path: Path, trusts: str
) -> None:
    ca = {} if trusts == "nobody in particular" else {"cafile": str(strangers(tmp_path))}

    with pytest.raises(ssl.SSLCertVerificationError, match=r"local issuer|self-signed"):
        await enter(production, production.url, tls=ssl.create_default_context(**ca))


async def test_a_client_does_not_talk_to_a_nats_of_another_name(production: Production) -> None:
    trusts = ssl.create_default_context(cafile=str(production.ca))

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await enter(production, production.url.replace(HOST, SAME_ADDRESS), tls=trusts)


async def enter(production: Production, url: str, **options: Any) -> Client:
    seed = production.installation.keys.seed(ADMIN)
    return await nats.connect(
        url, nkeys_seed_str=seed, inbox_prefix=b"_INBOX.admin", allow_reconnect=False, **options
    )


async def test_nats_lets_nobody_go_on_in_the_clear(production: Production) -> None:
    host, _, port = production.installation.shape.listen.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    info = json.loads((await asyncio.wait_for(reader.readline(), 10)).split(b" ", 1)[1])

    writer.write(b'CONNECT {"verbose":false,"pedantic":false,"lang":"test","version":"1"}\r\nPING\r\n')
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert info["tls_required"] is True
    assert b"PONG" not in answer


@pytest.mark.parametrize("ours", ["a command", "a service"])
async def test_ours_begin_with_the_handshake_so_that_nobody_between_talks_them_out_of_it(
    production: Production, ours: str
) -> None:
    """Somebody on the way says that no TLS is needed."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","max_payload":131072,"nonce":"abc"}\r\n')
        said = await reader.read(4096)
        writer.close()
        if not heard.done():
            heard.set_result(said)

    server = await asyncio.start_server(between, HOST, 0)
    url = f"tls://{HOST}:{server.sockets[0].getsockname()[1]}"
    if ours == "a command":
        seed = production.installation.keys.seed(ADMIN)
        with pytest.raises((ssl.SSLError, OSError, asyncio.TimeoutError, nats.errors.Error)):
            await connect(url, seed, ADMIN, production.ca, allow_reconnect=False, connect_timeout=5)
    else:
        part = service_part(production, "routing", 0)
        process = await Process.start(replace(part, env={**part.env, "NUANLIU_NATS_URL": url}))
        try:
            await asyncio.wait_for(asyncio.shield(heard), 30)
        finally:
            await process.kill()
    server.close()

    said = await asyncio.wait_for(heard, 10)
    assert said[:1] == b"\x16"  # a TLS handshake record
    assert b"CONNECT" not in said


@pytest.mark.parametrize("why", ["in the clear", "nobody in particular", "somebody else", "another name"])
async def test_a_client_and_the_database_do_not_talk(
    production: Production, tmp_path: Path, why: str
) -> None:
    url = production.mongo()
    if why == "in the clear":
        url = url.partition("&tls=")[0]
    if why == "nobody in particular":
        url = url.partition("&tlsCAFile=")[0]
    if why == "somebody else":
        url = production.mongo(ca=strangers(tmp_path))
    if why == "another name":
        url = production.mongo(host=SAME_ADDRESS)

    async with AsyncMongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=1000) as mongo:
        with pytest.raises(ServerSelectionTimeoutError):
            await mongo.admin.command("ping")
    await restarted(
        production
    )  # SecantusDB shakes hands one at a time, and a client that gives up holds all up

    async with AsyncMongoClient[dict[str, Any]](production.mongo()) as trusting:
        assert (await trusting.admin.command("ping"))["ok"] == 1


async def test_a_renewed_certificate_is_served_after_a_reload_and_nobody_is_disconnected(
    production: Production,
) -> None:
    installation = production.installation
    out = installation.directory
    staying = await installation.connect()
    before = await served(production)

    (out / server_file(NATS)).unlink()
    certify(out, {NATS: ("nats", *HERE)}, now() - timedelta(days=1))
    assert await served(production) == before, "a certificate is taken up when the server is told to"
    await installation.admit(installation.district().tenants)

    (renewed,) = x509.load_pem_x509_certificates((out / server_file(NATS)).read_bytes())
    await until(lambda: served(production), lambda seen: seen == renewed.serial_number)
    assert renewed.serial_number != before
    assert (await staying.request("$JS.API.INFO", b"", timeout=10)).data
    assert staying.stats["reconnects"] == 0
    await staying.close()


async def served(production: Production) -> int:
    """The serial number of the certificate that NATS shows a new client."""
    host, _, port = production.installation.shape.listen.partition(":")
    return await asyncio.to_thread(_served, host, int(port), production.ca)


def _served(host: str, port: int, ca: Path) -> int:
    trusts = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection((host, port), 10) as plain,
        trusts.wrap_socket(plain, server_hostname=host) as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def test_the_rendered_paths_are_those_of_the_containers(tmp_path: Path) -> None:
    installation = render(tmp_path, SAMPLE)

    assert f'cert_file: "{CERTIFICATE}"' in (tmp_path / installation.shape.config).read_text()
    assert "tls=true&tlsCAFile=%2Fetc%2Ftrust%2Fca.pem" in (tmp_path / "secrets/mongo/intake.url").read_text()
