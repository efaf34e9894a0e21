"""The guides' commands, run as a newcomer runs them, and the sample clients on bad days."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nats.errors
import pytest

from tests.e2e.outsider import Outside, Outsider, connect
from tests.e2e.running import Up
from tests.guides.commands import Block, Practice, blocks, under
from tests.support.waiting import until

AGENCY = "heating-zy"
CHANNEL = "qr-door"
REPORTED_AT = "建业里"
NOISE = "换热站整夜嗡嗡响，靠近的两栋楼根本睡不着"
SAMPLES = {"python": "agency.py", "node": "agency.mjs"}
SPOKEN_TO = 60.0


@dataclass(frozen=True)
class Run:
    """A guide that was followed to its end: each block with what it printed."""

    practice: Practice
    printed: list[tuple[Block, str]]

    def of(self, word: str) -> list[str]:
        """What the blocks printed that have this word in their commands."""
        return [printed for block, printed in self.printed if word in block.commands]

    def start(self, sample: str, journal: Path, *more: str) -> Client:
        """A sample client as the guide starts it, for the agency of the sample registry, with a journal of its own."""
        (block,) = [block for block, _ in self.printed if f"{sample} --server" in block.commands]
        change, command = self.practice.here(block.commands).strip().splitlines()
        arguments = shlex.split(command)
        seed = self.practice.up.endpoints["seeds"][AGENCY]
        replaced = {"--tenant": AGENCY, "--seed": seed, "--journal": str(journal)}
        kept = arguments[: arguments.index("--tenant")]
        kept += [part for pair in replaced.items() for part in pair]
        return Client([*kept, *more], Path(change.removeprefix("cd ")), journal.with_suffix(".out"))


class Client:
    """A sample client that runs; ``said`` is what it has printed so far."""

    def __init__(self, command: list[str], directory: Path, output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(command, cwd=directory, stdout=file, stderr=subprocess.STDOUT)

    @property
    def said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def until_said(self, words: str) -> None:
        until(f"said {words!r}: {self.said}", lambda: words in self.said, SPOKEN_TO)

    def ended(self) -> int:
        try:
            return self.process.wait(SPOKEN_TO)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end:\n{self.said}") from None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def follow(guide: str, up: Up, partner: Path) -> Run:
    practice = Practice(up, partner)
    return Run(practice, [(block, practice.run(block)) for block in blocks(guide)])


@pytest.fixture(scope="module")
def agency_guide(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return follow("agency", up, tmp_path_factory.mktemp("agency"))


@pytest.fixture(scope="module")
def channel_guide(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return follow("channel", up, tmp_path_factory.mktemp("channel"))


@pytest.fixture(scope="module")
async def channel(up: Up) -> AsyncIterator[Outsider]:
    """The channel that the guide reports on: it hears how its appeals go on."""
    told = up.endpoints
    async with Outside({**told, "tenants": {CHANNEL: told["tenants"][CHANNEL]}}) as outside:
        yield outside[CHANNEL]


@pytest.fixture(scope="module")
def appeals(up: Up) -> Iterator[dict[str, Any]]:
    """Appeals that the sample agency answers for alone, none of them at the guides' place, each a case of its own."""
    alone = [
        one["submitted"]
        for one in up.endpoints["examples"]
        if (one["lead_agency"], one["assist_agencies"]) == (AGENCY, [])
        and one["submitted"]["location"]["compound"] != REPORTED_AT
    ]
    return iter([*alone, *({**one, "text": NOISE} for one in alone)])


async def goes_on(channel: Outsider, appeal_id: str) -> None:
    """A case is made of it, and the resident hears of every step of the agency's."""
    registered = await channel.hears("registered", appeal_id=appeal_id)
    for stage in ("accepted", "contacted", "resolved"):
        await channel.hears("progressed", case_id=registered["case_id"], stage=stage)


@pytest.mark.parametrize("sample", SAMPLES)
async def test_the_guide_leads_to_a_resolved_assignment(
    agency_guide: Run, channel: Outsider, sample: str
) -> None:
    order = list(SAMPLES).index(sample)
    reported = json.loads(agency_guide.of("/api/v1/appeals")[order])
    (printed,) = agency_guide.of(f"{SAMPLES[sample]} --server")

    await goes_on(channel, reported["appeal_id"])
    for word in ("assigned", "sent): accepted", "sent): contacted", "sent): resolved"):
        assert word in printed
    assert "(resolved) 1 件，被退回 (refused) 0 条" in printed


def test_without_nats_a_token_leads_to_an_accepted_assignment(guarded: Up, tmp_path: Path) -> None:
    practice = Practice(guarded, tmp_path / "partner")
    tenant, (tokens, *walk) = under("agency", "2."), under("agency", "14.")
    for block in (*tenant, tokens):
        practice.run(block)
    intake, response = (guarded.endpoints["http"][service] for service in ("intake", "response"))
    mine = {"Authorization": f"Bearer {(practice.partner / 'my-heating.token').read_text().strip()}"}

    reported, assigned, accepted = (practice.run(block) for block in walk)

    assert json.loads(reported.splitlines()[-1])["appeal_id"]  # after what curl says of its first tries
    assert "收费" in assigned
    assert '"state":"accepted"' in accepted
    assert httpx.get(f"{response}/api/v1/assignments").status_code == 401
    assert httpx.post(f"{intake}/api/v1/appeals", headers=mine, json={}).status_code == 403
    assert httpx.get(f"{response}/api/v1/assignments?agency={AGENCY}", headers=mine).status_code == 403
    assert httpx.get(f"{response}/api/v1/assignments/none", headers=mine).status_code == 404


def test_the_channels_guide_leads_to_a_registered_appeal(channel_guide: Run) -> None:
    (printed,) = channel_guide.of("channel.py --server")

    assert "(notice): registered" in printed


@pytest.mark.parametrize("sample", SAMPLES.values())
async def test_a_server_that_dies_is_waited_for(
    agency_guide: Run,
    up: Up,
    channel: Outsider,
    appeals: Iterator[dict[str, Any]],
    tmp_path: Path,
    sample: str,
) -> None:
    with agency_guide.start(sample, tmp_path / "journal.jsonl", "--once", "1") as client:
        client.until_said("(connected)")
        server = up.endpoints["pids"]["nats"]
        os.kill(server, signal.SIGKILL)
        client.until_said("(reconnected)")

        reported = await report(up, next(appeals))

        assert await asyncio.to_thread(client.ended) == 0, client.said
    await goes_on(channel, reported)


@pytest.mark.parametrize("sample", SAMPLES.values())
async def test_what_was_kept_before_a_crash_is_worked_on_after(
    agency_guide: Run, tmp_path: Path, sample: str
) -> None:
    """One was heard and not worked on, of another half a line was written; the system knows nothing of the first, and
    says so."""
    heard = {"id": "heard-before", "kind": "assigned", "data": {"assignment_id": f"unknown-{sample}"}}
    journal = tmp_path / "journal.jsonl"
    journal.write_text(json.dumps({"heard": heard}) + '\n{"heard": {"id": "ha', encoding="utf-8")

    with agency_guide.start(sample, journal, "--once", "1") as client:
        status = await asyncio.to_thread(client.ended)

    assert f"(refused): unknown-{sample}.accepted assignment_id: 没有这个承办单" in client.said
    assert status == 1
    kept = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert {"receipt": f"unknown-{sample}.resolved"} in kept
    assert [one["heard"]["kind"] for one in kept if "heard" in one] == ["assigned", *["refused"] * 3]


@pytest.mark.parametrize("sample", SAMPLES.values())
async def test_what_comes_again_is_not_worked_on_again_and_ctrl_c_ends_it(
    agency_guide: Run, up: Up, appeals: Iterator[dict[str, Any]], tmp_path: Path, sample: str
) -> None:
    reported = await report(up, next(appeals))
    assigned = await take_and_give_back(up)
    data, journal = json.loads(assigned.data), tmp_path / "journal.jsonl"
    id, assignment = assigned.headers["ce-id"], data["assignment_id"]
    before = [
        {"heard": {"id": id, "kind": "assigned", "data": data}},
        {"receipt": f"{assignment}.resolved"},
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in before), encoding="utf-8")

    with agency_guide.start(sample, journal) as client:
        client.until_said(f"(delivered again): assigned {id}")
        client.process.send_signal(signal.SIGINT)

        assert await asyncio.to_thread(client.ended) == 0, client.said

    assert reported
    assert "(stopped" in client.said
    assert "(sent)" not in client.said
    assert [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()] == before


async def report(up: Up, appeal: dict[str, Any]) -> str:
    """Hands it in as the guide does, as soon as intake takes it; gives the appeal's id."""
    async with httpx.AsyncClient(base_url=up.endpoints["http"]["intake"], timeout=20) as intake:

        async def posted() -> httpx.Response | None:
            try:
                answer = await intake.post("/api/v1/appeals", json={"channel": CHANNEL, **appeal})
            except httpx.TransportError:
                return None
            return answer if answer.status_code == 202 else None

        deadline = asyncio.get_running_loop().time() + SPOKEN_TO
        while (answer := await posted()) is None:
            assert asyncio.get_running_loop().time() < deadline
        return str(answer.json()["appeal_id"])


async def take_and_give_back(up: Up) -> Any:
    """The next assignment of the agency, given back to be delivered again."""
    client = await connect(up.endpoints, AGENCY)
    try:
        orders = await client.jetstream().pull_subscribe_bind(consumer=AGENCY, stream="DISPATCH")
        while True:
            try:
                (message,) = await orders.fetch(1, timeout=SPOKEN_TO)
            except nats.errors.TimeoutError:
                raise AssertionError("nothing assigned") from None
            if message.subject.split(".")[2] == "assigned":
                await message.nak()
                return message
            await message.ack()
    finally:
        await client.close()
