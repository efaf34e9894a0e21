"""The local stack with real engines and stand-ins for the services: starting, watching, ending, and what it tells."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import WriteConcern
from pymongo.errors import OperationFailure

from deploy.keys import tenant_key
from deploy.local.engines import connect
from deploy.local.supervisor import PartFailed
from deploy.local.up import DirectoryInUse, LocalStack, PortTaken
from deploy.mongo_users import client
from shared.contracts.streams import SERVICES
from tests.support.engines import free_port_base
from tests.support.fake_stack import options
from tests.support.waiting import alive, until

PARTS = ("nats", "mongo", *SERVICES)


def told(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "endpoints.json").read_text())
    return found


@contextmanager
def started(directory: Path, base: int, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The stack as a program of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fake_stack", str(directory), str(base)],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str], directory: Path) -> dict[str, Any]:
    """What a started stack tells, once it does."""

    def tells() -> dict[str, Any] | None:
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {process.communicate()[0]}")
        return told(directory) if (directory / "endpoints.json").exists() else None

    found: dict[str, Any] = until("ready", tells)
    return found


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """One stack for all tests that leave it as it was; two copies of each service."""
    directory = tmp_path_factory.mktemp("stack")
    async with LocalStack(options(directory, free_port_base(), copies=2)) as running:
        yield running


def test_a_started_stack_tells_where_everything_is(stack: LocalStack) -> None:
    base = stack.options.port_base
    found = told(stack.directory)

    assert found == stack.endpoints
    assert found["nats"] == f"nats://127.0.0.1:{base + 91}"
    assert found["http"] == {name: f"http://127.0.0.1:{base + 1 + i}" for i, name in enumerate(SERVICES)}
    assert found["pids"].keys() == {*PARTS, *(f"{name}-2" for name in SERVICES)}
    assert all(alive(pid) for pid in found["pids"].values())
    assert len(found["examples"]) >= 20
    assert (stack.directory / "endpoints.json").stat().st_mode & 0o777 == 0o600


def test_it_tells_every_tenant_and_its_seed(stack: LocalStack) -> None:
    found = told(stack.directory)
    kinds = [tenant["kind"] for tenant in found["tenants"].values()]

    assert kinds.count("agency") >= 4
    assert kinds.count("channel") >= 6
    assert kinds.count("team") >= 3
    assert found["seeds"] == {name: tenant["seed"] for name, tenant in found["tenants"].items()}
    assert found["tenants"]["heating-zy"]["inbox_prefix"] == "_INBOX.heating-zy"
    assert all(Path(seed).stat().st_mode & 0o777 == 0o600 for seed in found["seeds"].values())


def test_a_service_is_configured_by_its_environment(stack: LocalStack) -> None:
    base = stack.options.port_base

    with urllib.request.urlopen(f"{stack.http('routing', 1)}/health/ready") as answer:
        env = json.load(answer)

    assert env["NUANLIU_HTTP_PORT"] == str(base + 12)
    assert env["NUANLIU_NATS_URL"] == f"nats://127.0.0.1:{base + 91}"
    assert env["NUANLIU_MONGO_URL"].startswith("mongodb://routing:")
    assert env["NUANLIU_MONGO_DATABASE"] == "routing"
    assert Path(env["NUANLIU_NATS_SEED"]).read_text().startswith("SU")
    assert (env["NUANLIU_CLOCK"], env["NUANLIU_TICK"]) == ("wall", "internal")


async def test_a_killed_part_comes_back_and_its_new_pid_is_told(stack: LocalStack) -> None:
    before = told(stack.directory)["pids"]

    for part in before:
        await stack.restart(part)

    after = told(stack.directory)["pids"]
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    await stack.until_ready()


async def test_a_database_user_reaches_its_own_database_only(stack: LocalStack) -> None:
    async with client(stack.mongo("intake")) as mongo:
        await mongo.intake.tried.insert_one({"mine": True})
        for attempt in (
            mongo.routing.tried.insert_one({"mine": False}),
            mongo.routing.tried.find_one({}),
            mongo.admin.command("listDatabases"),
            mongo.intake.command("createUser", "other", pwd="x", roles=["root"]),
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                await attempt


async def test_the_database_wants_a_known_user(stack: LocalStack) -> None:
    for url in (stack.mongo().replace("admin:", "nobody:"), stack.mongo().replace("admin:", "admin:x")):
        async with client(url) as stranger:
            with pytest.raises(OperationFailure, match=r"(?i)authentication"):
                await stranger.intake.tried.find_one({})


async def test_two_stacks_run_side_by_side(stack: LocalStack, tmp_path: Path) -> None:
    async with LocalStack(options(tmp_path, free_port_base())) as other:
        assert not set(stack.supervisor.pids.values()) & set(other.supervisor.pids.values())
        assert stack.admin_seed != other.admin_seed

    await stack.until_ready()


async def test_a_second_stack_on_the_same_directory_is_refused(stack: LocalStack) -> None:
    with pytest.raises(DirectoryInUse, match=str(stack.directory)):
        await LocalStack(options(stack.directory, free_port_base())).__aenter__()

    assert told(stack.directory) == stack.endpoints


async def test_what_was_acknowledged_survives_a_stop_and_a_kill(tmp_path: Path) -> None:
    stack_options = options(tmp_path, free_port_base())

    async def say(stack: LocalStack) -> None:
        channel = await connect(stack.nats, stack.keys.seed(tenant_key("hotline-12345")), "hotline-12345")
        await channel.jetstream().publish("intake.hotline-12345.submitted.v1", b"{}")
        await channel.close()
        async with client(stack.mongo("intake")) as mongo:
            durable = WriteConcern(w="majority", j=True)
            await mongo.intake.get_collection("kept", write_concern=durable).insert_one({"said": 1})

    async def kept(stack: LocalStack) -> tuple[int, int]:
        admin = await connect(stack.nats, stack.admin_seed, "admin")
        info = await admin.jetstream().stream_info("INTAKE_hotline-12345")
        await admin.close()
        async with client(stack.mongo("intake")) as mongo:
            return info.state.messages, await mongo.intake.kept.count_documents({})

    async with LocalStack(stack_options) as stack:
        await say(stack)
        first = told(tmp_path)
    async with LocalStack(stack_options) as stack:
        second = told(tmp_path)
        assert await kept(stack) == (1, 1)
        await stack.restart("nats")
        await stack.restart("mongo")
        assert await kept(stack) == (1, 1)

    assert (first["mongo"], first["seeds"]) == (second["mongo"], second["seeds"])
    assert not (tmp_path / "endpoints.json").exists()
    assert not any(alive(pid) for pid in (*first["pids"].values(), *second["pids"].values()))


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    base = free_port_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 3))
        other.listen()
        with pytest.raises(PortTaken, match=rf"{base + 3}.*response"):
            await LocalStack(options(tmp_path, base)).__aenter__()


async def test_a_part_that_keeps_dying_ends_the_start_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="died 5 times") as caught:
        await LocalStack(options(tmp_path, free_port_base(), FAKE_DIES="routing")).__aenter__()

    assert caught.value.part == "routing"
    assert "routing: stream CASE is missing" in caught.value.why
    assert not (tmp_path / "endpoints.json").exists()


async def test_a_part_that_never_gets_ready_is_named_with_what_it_says(tmp_path: Path) -> None:
    stack = LocalStack(options(tmp_path, free_port_base(), ready_seconds=8, FAKE_UNREADY="metrics"))

    with pytest.raises(PartFailed) as caught:
        await stack.__aenter__()

    assert caught.value.part == "metrics"
    assert "stream CASE is missing" in caught.value.why


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_order(tmp_path: Path, signum: signal.Signals) -> None:
    with started(tmp_path, free_port_base()) as process:
        pids = ready(process, tmp_path)["pids"]

        process.send_signal(signum)

        assert process.wait(30) == 0
        assert not (tmp_path / "endpoints.json").exists()
        assert not any(alive(pid) for pid in pids.values())


def test_a_signal_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    with started(tmp_path, free_port_base(), FAKE_UNREADY="intake") as process:
        until("a service has started", (tmp_path / "logs" / "metrics.log").exists)

        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0


def test_five_deaths_in_a_minute_end_the_whole_and_name_the_part(tmp_path: Path) -> None:
    with started(tmp_path, free_port_base()) as process:
        pids = ready(process, tmp_path)["pids"]

        for death in range(5):
            pid = told(tmp_path)["pids"]["revisit"]
            os.kill(pid, signal.SIGKILL)
            if death < 4:
                until("started again", lambda pid=pid: told(tmp_path)["pids"]["revisit"] != pid)

        said, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "revisit" in said
        assert "died 5 times" in said
        assert "SIGKILL" in said
        assert not (tmp_path / "endpoints.json").exists()
        assert not any(alive(pid) for pid in pids.values())


def test_nothing_is_left_when_the_supervisor_itself_is_killed_and_a_new_one_starts(tmp_path: Path) -> None:
    base = free_port_base()
    with started(tmp_path, base) as process:
        left = ready(process, tmp_path)["pids"]
        process.kill()
        until("all parts gone", lambda: not any(alive(pid) for pid in left.values()))

    with started(tmp_path, base) as process:
        until("ready anew", lambda: ready(process, tmp_path)["pids"] != left)
