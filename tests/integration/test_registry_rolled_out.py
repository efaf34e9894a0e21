"""`nuanliu tenant` on a NATS server: wherever it is stopped, and whatever it meets, what it began is completed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import nats.js.errors
import pytest
from typer.testing import CliRunner

from deploy import SAMPLE
from deploy.keys import public_key
from deploy.nats_config import TENANTS_AT_A_TIME
from deploy.registry import changes
from deploy.registry.changes import RegistryError
from deploy.registry.commands import app
from deploy.registry.installation import Installation
from deploy.registry.rollout import HalfDone
from services.metrics.backlog import backlog
from shared.contracts.streams import DISPATCH, INGRESS_QUOTA_BYTES, UNDELIVERED
from shared.policy import load
from shared.policy.tenants import MOST_QUOTA_BYTES, Quota, Tenants
from tests.e2e.running import ROOT, nuanliu
from tests.support.engines import engines, outsider

HERE = load(SAMPLE).tenants
HEATING, HOUSING, OTHER = (tenant.id for tenant in HERE.of_kind("agency")[:3])

CHANNEL = HERE.of_kind("channel")[0].id


@dataclass(frozen=True)
class Registered:
    """An installation whose server runs; no service does."""

    installation: Installation

    async def tenant(self, *arguments: str) -> str:
        """`nuanliu tenant ...` on it; what it handed out. Raises what the command raises."""
        command = [*arguments, "--dir", str(self.installation.directory)]
        finished = await asyncio.to_thread(CliRunner().invoke, app, command)
        if finished.exception:
            raise finished.exception
        return finished.stdout.strip()

    def stopped_after(self, *steps: Callable[[Tenants], Tenants]) -> None:
        """As if a command had been killed when the registry was written, and NATS not told."""
        tenants = self.installation.district().tenants
        for step in steps:
            tenants = step(tenants)
        self.installation.save(tenants)

    def secrets(self, agency: str) -> int:
        """By how many an agency's deliveries are signed."""
        webhook = changes.known(self.installation.district().tenants, agency).webhook
        return len(webhook.secrets) if webhook else 0

    async def belongings(self, agency: str) -> set[str]:
        """What there is of an agency on the server."""
        client = await self.installation.connect()
        try:
            js = client.jetstream()
            found = {name for name in (f"RESPONSE_{agency}",) if await _there(js.stream_info(name))}
            for name in (agency, f"hook_{agency}"):
                found |= {name} if await _there(js.consumer_info(DISPATCH.name, name)) else set()
            kept = await js.stream_info(UNDELIVERED.name, subjects_filter=f"undelivered.{agency}.>")
            return found | set(kept.state.subjects or {})
        finally:
            await client.close()

    async def lags(self) -> set[str]:
        """The streams of which metrics can say how much waits. Raises Unreachable when it can say nothing."""
        client = await self.installation.connect()
        try:
            found = await backlog(client, self.installation.district())
        finally:
            await client.close()
        return {stream for _, stream in found.lag}

    async def give_up(self, agency: str) -> None:
        """A message that could not be delivered to an agency's address."""
        client = await self.installation.connect()
        await client.jetstream().publish(f"undelivered.{agency}.assigned", b"{}")
        await client.close()


async def _there(question: object) -> bool:
    try:
        await question  # type: ignore[misc]
    except nats.js.errors.NotFoundError:
        return False
    return True


@pytest.fixture(scope="module")
async def registered(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Registered]:
    directory = tmp_path_factory.mktemp("registered")
    async with engines(directory, tenants=HERE.tenants, mongo=False):
        installation = Installation(directory)
        installation.save(HERE)
        yield Registered(installation)


@pytest.mark.parametrize("completed_by", ["apply", "remove"])
async def test_a_removal_that_was_stopped_half_way_is_completed(
    registered: Registered, completed_by: str
) -> None:
    agency = HEATING if completed_by == "apply" else HOUSING
    await registered.tenant("webhook", agency, "--url", "http://127.0.0.1:1/hook")
    await registered.give_up(agency)
    everything = {f"RESPONSE_{agency}", agency, f"hook_{agency}", f"undelivered.{agency}.assigned"}
    assert await registered.belongings(agency) == everything
    registered.stopped_after(
        lambda tenants: changes.suspend(tenants, agency), lambda tenants: changes.remove(tenants, agency)
    )

    again = ("apply",) if completed_by == "apply" else ("remove", agency, "--reason", "试")
    await registered.tenant(*again)

    assert await registered.belongings(agency) == set()
    lags = await registered.lags()
    assert f"RESPONSE_{OTHER}" in lags
    assert f"RESPONSE_{agency}" not in lags
    with pytest.raises(RegistryError, match="was removed"):
        await registered.tenant("remove", agency, "--reason", "试")


async def test_a_webhook_s_leaked_secret_ends_at_once_and_what_was_stopped_on_its_way_out_is_taken_away(
    registered: Registered,
) -> None:
    await registered.tenant("webhook", OTHER, "--url", "http://127.0.0.1:1/hook")
    await registered.tenant("webhook", OTHER)
    assert registered.secrets(OTHER) == 2
    await registered.tenant("webhook", OTHER, "--now")
    assert registered.secrets(OTHER) == 1
    assert f"hook_{OTHER}" in await registered.belongings(OTHER)
    registered.stopped_after(lambda tenants: changes.unhook(tenants, OTHER))

    await registered.tenant("apply")

    assert await registered.belongings(OTHER) == {f"RESPONSE_{OTHER}", OTHER}


async def test_a_quota_that_was_lowered_does_not_keep_the_next_change_from_the_server(
    registered: Registered,
) -> None:
    """The sum of quotas decides how much the server reserves, in steps."""
    most = Quota(bytes=MOST_QUOTA_BYTES)
    needed = TENANTS_AT_A_TIME * INGRESS_QUOTA_BYTES // MOST_QUOTA_BYTES + 1
    newcomers = [outsider(f"a{i}", "agency").model_copy(update={"quota": most}) for i in range(needed)]
    before = registered.installation.district().tenants
    await registered.installation.admit(changes.checked(before, (*before.tenants, *newcomers)))

    await registered.tenant("suspend", OTHER, "--reason", "试")

    await registered.tenant("resume", OTHER)


async def test_a_key_is_handed_out_and_let_in_although_the_audit_cannot_be_written(
    registered: Registered,
) -> None:
    installation = registered.installation
    installation.audit.touch()
    kept = installation.audit.rename(installation.audit.with_suffix(".kept"))
    installation.audit.mkdir()
    command = ["rotate", CHANNEL, "--now", "--dir", str(installation.directory)]

    finished = await asyncio.to_thread(CliRunner().invoke, app, command)

    installation.audit.rmdir()
    kept.rename(installation.audit)
    assert isinstance(finished.exception, HalfDone)
    assert re.match(r"rotate.*: audit\.jsonl: Is a directory", str(finished.exception))
    (key,) = changes.known(installation.district().tenants, CHANNEL).keys
    assert public_key(finished.stdout.strip()) == key.public
    assert key.public in (installation.directory / installation.shape.config).read_text()


@pytest.mark.parametrize("output", ["nobody reads it", "closed"])
async def test_an_old_key_ends_although_nobody_takes_the_new_one(registered: Registered, output: str) -> None:
    installation = registered.installation
    (before,) = changes.known(installation.district().tenants, CHANNEL).keys[:1] or (None,)
    command = nuanliu("tenant", "rotate", CHANNEL, "--now", "--dir", str(installation.directory))
    if output == "closed":
        command = ["sh", "-c", f"{shlex.join(command)} >&-"]
    reading, writing = os.pipe()
    os.close(reading)

    finished = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True
    )

    os.close(writing)
    (key,) = changes.known(installation.district().tenants, CHANNEL).keys
    assert key != before
    assert key.public in (installation.directory / installation.shape.config).read_text()
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert "standard output" in line
    assert json.loads(installation.audit.read_text().splitlines()[-1])["public"] == key.public
