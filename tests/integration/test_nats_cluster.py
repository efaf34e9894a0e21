"""Three NATS servers on what `python -m deploy.render --cluster` writes: one dies, and nothing stops.

Loopback has many addresses, so each server is a host of its own; ports and paths are those of this machine.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nats.errors
import pytest

from deploy import SAMPLE
from deploy.certificates import CA
from deploy.keys import ADMIN
from deploy.local.engines import connect
from deploy.local.supervisor import Part, Supervisor
from deploy.production import INNER_PORT
from deploy.registry.installation import Installation
from deploy.render import ROOT, render
from shared.contracts.streams import OURS
from shared.trust import trusting
from tests.e2e.running import nuanliu
from tests.support.engines import free_ports
from tests.support.live import until

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


@dataclass(frozen=True)
class Servers:
    installation: Installation
    supervisor: Supervisor

    @property
    def directory(self) -> Path:
        return self.installation.directory

    def url(self, host: str) -> str:
        return next(url for url in self.installation.shape.nats_url.split(",") if f"//{host}:" in url)

    def tried(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(nuanliu(*command), cwd=ROOT, capture_output=True, text=True)

    def run(self, *command: str) -> str:
        done = self.tried(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    out = tmp_path_factory.mktemp("cluster")
    port, routes, monitor = free_ports(3)
    rendered = render(out, SAMPLE, cluster=HOSTS)
    here = replace(
        rendered.shape,
        nats_url=rendered.shape.nats_url.replace(f":{INNER_PORT}", f":{port}"),
        listen=rendered.shape.listen.replace("0.0.0.0:4222", f"{{host}}:{port}"),
        monitor=rendered.shape.monitor.replace("0.0.0.0:8222", f"{{host}}:{monitor}"),
        routes=rendered.shape.routes.replace("0.0.0.0:6222", f"{{host}}:{routes}"),
        store=str(out / "jetstream-{host}"),
        certificate=str(out / "tls/{host}/nats/server.pem"),
        trust=str(out / CA),
    )
    installation = Installation.describe(out, here)
    installation.write_config(installation.district().tenants)
    running = Servers(installation, Supervisor())
    try:
        for host in HOSTS:
            await running.supervisor.start(part(running, host))
        await running.supervisor.until_ready(list(HOSTS), 60)
        yield running
    finally:
        await running.supervisor.kill_all()


def part(running: Servers, host: str) -> Part:
    command = [str(Path(sys.executable).parent / "nats-server")]
    command += ["-c", str(running.directory / f"nats/{host}/nats.conf")]
    return Part(
        host, command, log=running.directory / f"{host}.log", lacks=lambda: led(running, host), grace=15
    )


async def led(running: Servers, host: str) -> str | None:
    """What a server lacks to answer for JetStream."""
    try:
        client = await enter(running, host)
    except (nats.errors.Error, OSError, TimeoutError) as error:
        return f"{host}: {error!r}"
    try:
        await client.jetstream().account_info()
    except (nats.errors.Error, TimeoutError) as error:
        return f"{host}: {error!r}"
    finally:
        await client.close()
    return None


async def enter(running: Servers, *hosts: str, **options: Any) -> nats.NATS:
    """A connection of the administrator to one of these hosts."""
    urls = ",".join(running.url(host) for host in hosts)
    seed = running.installation.keys.seed(ADMIN)
    return await connect(
        urls, seed, ADMIN, running.directory / CA, **{"allow_reconnect": len(hosts) > 1} | options
    )


@pytest.fixture(scope="module")
async def set_up(servers: Servers) -> Servers:
    """The setup step as an operator runs it."""
    seed = servers.directory / "secrets/admin.seed"
    servers.run(
        *("setup", "--nats", servers.installation.shape.nats_url, "--seed", str(seed), "--replicas", "3"),
        *("--ca", str(servers.directory / CA), "--registry", str(servers.installation.registry)),
    )
    return servers


async def test_every_stream_is_on_three_servers(set_up: Servers) -> None:
    client = await enter(set_up, HOSTS[1])

    for stream in OURS:
        info = await client.jetstream().stream_info(stream.name)
        assert info.config.num_replicas == 3
        assert info.cluster is not None
        assert {info.cluster.leader, *(peer.name for peer in info.cluster.replicas or ())} == set(HOSTS)
    await client.close()


async def test_a_new_tenant_is_let_in_by_every_server(set_up: Servers) -> None:
    seed = set_up.run(
        *("tenant", "add", "newcomer", "--kind", "channel", "--name-zh", "新渠道", "--name-en", "newcomer"),
        *("--serves", "*", "--dir", str(set_up.directory)),
    ).strip()

    for host in HOSTS:
        client = await connect(
            set_up.url(host), seed, "newcomer", set_up.directory / CA, allow_reconnect=False
        )
        receipt = await client.jetstream().publish("intake.newcomer.submitted.v1", host.encode(), timeout=10)
        assert receipt.stream == "INTAKE_newcomer"
        await client.close()


async def test_a_server_that_misses_a_change_is_named_and_the_others_know_it(set_up: Servers) -> None:
    here = ("--dir", str(set_up.directory))
    names = ("--name-zh", "将走渠道", "--name-en", "leaver", "--serves", "*")
    seed = set_up.run("tenant", "add", "leaver", "--kind", "channel", *names, *here).strip()
    away, *others = HOSTS
    await set_up.supervisor.stop([away])

    done = set_up.tried("tenant", "suspend", "leaver", "--reason", "试", *here)

    assert done.returncode == 1
    assert f"{away} 没有应答" in done.stderr
    assert not any(host in done.stderr for host in others)
    for host in others:
        with pytest.raises(nats.errors.Error, match="Authorization"):
            await connect(
                set_up.url(host), seed, "leaver", set_up.directory / CA, allow_reconnect=False, error_cb=quiet
            )
    await set_up.supervisor.start(part(set_up, away))
    await set_up.supervisor.until_ready([away], 60)
    set_up.run("tenant", "apply", *here)


async def quiet(_: Exception) -> None:
    """The library prints what is expected here."""


@pytest.mark.parametrize("certified", [True, False])
async def test_only_who_is_certified_is_greeted_as_a_server(set_up: Servers, certified: bool) -> None:
    host, _, port = set_up.installation.shape.routes.replace("{host}", HOSTS[0]).partition(":")
    trusts, heard = trusting(set_up.directory / CA), b""
    if certified:
        trusts.load_cert_chain(set_up.directory / f"tls/{HOSTS[1]}/nats/server.pem")

    with suppress(ssl.SSLError, ConnectionError):  # a certificate is required
        reader, _ = await asyncio.open_connection(host, int(port), ssl=trusts)
        heard = await asyncio.wait_for(reader.readline(), 10)

    assert heard.startswith(b"INFO") is certified


@pytest.mark.parametrize("dies", HOSTS)
async def test_with_one_server_dead_publishing_and_consuming_go_on(set_up: Servers, dies: str) -> None:
    alive = [host for host in HOSTS if host != dies]
    client = await enter(
        set_up, dies, *alive, dont_randomize=True, max_reconnect_attempts=-1, reconnect_time_wait=0.1
    )
    js = client.jetstream()
    subject = f"case.seen-{dies.replace('.', '-')}.v1"
    reading = await js.pull_subscribe(subject, durable=f"reader-{dies.replace('.', '-')}", stream="CASE")
    await js.publish(subject, b"before", timeout=10)
    [before] = await reading.fetch(1, timeout=10)
    await before.ack_sync()

    await set_up.supervisor.stop([dies])

    async def stored() -> int:
        with suppress(nats.errors.Error, nats.js.errors.APIError, TimeoutError):
            return (await js.publish(subject, b"after", timeout=2, headers={"Nats-Msg-Id": dies})).seq
        return 0

    async def read() -> list[bytes]:
        with suppress(nats.errors.Error, nats.js.errors.APIError, TimeoutError):
            return [message.data for message in await reading.fetch(1, timeout=2)]
        return []

    assert await until(stored, bool, 60)
    assert await until(read, bool, 60) == [b"after"]

    await set_up.supervisor.start(part(set_up, dies))
    await set_up.supervisor.until_ready([dies], 60)
    await until(lambda: behind(client), lambda lagging: not lagging, 60)
    await client.close()


async def behind(client: nats.NATS) -> list[str]:
    """Servers that have not caught up with what they missed."""
    info = await client.jetstream().stream_info("CASE")
    peers = (info.cluster.replicas or []) if info.cluster else []
    return [peer.name for peer in peers if not peer.current or peer.offline]
