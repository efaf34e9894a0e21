"""The metrics service as a process, on both engines: events in, figures out, and the same figures after a restart."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from nats.aio.client import Client
from prometheus_client.parser import text_string_to_metric_families

from deploy.registry.file import write
from services.metrics.handlers import handlers
from services.metrics.keeper import clear_marks
from services.metrics.store import APPEAL_FACTS, CASE_FACTS, COLLECTIONS
from shared.contracts.intake import AppealAnswered, AppealNotAccepted, AppealRejected
from shared.contracts.revisit import VerificationFailed, VerificationHeld
from shared.loop.mongo import Mongo
from tests.support.engines import engines, free_ports
from tests.support.facts import (
    CARD,
    CATEGORY,
    HEATING,
    HOTLINE,
    PROPERTY,
    SAMPLE,
    SAMPLE_DIRECTORY,
    Story,
    Told,
    hours,
)
from tests.support.judges import promtool
from tests.support.live import until
from tests.support.tokens import LEADER, bearer, seated
from tests.support.waiting import until_there

PATIENCE = 30.0
WEEK = "2026-11-18"
FIGURES = ("/api/v1/indicators", f"/bulletins/weekly/{WEEK}.html")


def season() -> list[Told]:
    """Eight cases of a week: six held, one came back as rework, one is still with its agency."""
    told: list[Told] = []
    for number in range(6):
        story = Story(f"held-{number}").done().merged().verified(VerificationHeld, celsius=(19.5, 21))
        told += story.closed(31).told
    cold = Story("cold", lead=PROPERTY).done().verified(VerificationFailed, celsius=(15.25,)).rework()
    told += cold.assigned("again", 30, round=1).told
    told += Story("open", channel=CARD).registered().dispatched().assigned().overdue("accept", 0.7).told
    told += Story("open", channel=CARD).merged(9).left(9).told
    told.append(
        (AppealAnswered(appeal_id="q", channel=HOTLINE, category=CATEGORY, reported_at=hours(1)), hours(1))
    )
    told.append(
        (
            AppealNotAccepted(appeal_id="n", channel=CARD, reason_code="elsewhere", reported_at=hours(2)),
            hours(2),
        )
    )
    told += [(AppealRejected(channel=CARD, errors=[]), hours(3)) for _ in range(3)]
    return told


@dataclass
class World:
    """The engines, the running service, and everything it was told."""

    admin: Client
    documents: Mongo
    environment: dict[str, str]
    directory: Path
    http: httpx.AsyncClient
    copies: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def publish(self, told: list[Told]) -> None:
        """What the other services say, each event with an id of its own."""
        for number, (event, at) in enumerate(told):
            headers = {
                "ce-id": f"{number}-{event.type}",
                "ce-source": "/test",
                "ce-specversion": "1.0",
                "ce-type": event.type,
                "ce-time": at.isoformat(),
            }
            body = event.model_dump_json(exclude_none=True).encode()
            await self.admin.jetstream().publish(event.subject(), body, headers=headers)

    async def start(self) -> None:
        with (self.directory / "metrics.log").open("ab") as log:
            self.copies.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "services.metrics", env=self.environment, stdout=log, stderr=log
                )
            )

        async def ready() -> bool | None:
            try:
                return True if (await self.http.get("/health/ready")).status_code == 200 else None
            except httpx.TransportError:
                return None

        await until_there(ready)

    async def stop(self) -> None:
        process = self.copies.pop()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0

    async def samples(self) -> dict[tuple[str, ...], float]:
        """/metrics as (name, values of the labels by their names' order...) -> value."""
        text = (await self.http.get("/metrics")).text
        return {
            (s.name, *s.labels.values()): s.value
            for f in text_string_to_metric_families(text)
            for s in f.samples
        }

    async def shows(self, value: float, *series: str) -> dict[tuple[str, ...], float]:
        """All samples, once this one has this value."""

        async def look() -> dict[tuple[str, ...], float] | None:
            found = await self.samples()
            return found if found.get(series) == value else None

        return await until_there(look)


@asynccontextmanager
async def world_in(directory: Path) -> AsyncIterator[World]:
    """Engines and one copy of the service."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            engines(
                directory,
                tenants=SAMPLE.tenants.tenants,
                handled={"metrics": handlers.events()},
                stores={"metrics": COLLECTIONS},
            )
        )
        (port,) = free_ports(1)
        registry = directory / "tenants.yaml"
        write(registry, seated(SAMPLE).tenants)
        environment = os.environ | {
            "NUANLIU_NATS_URL": running.nats,
            "NUANLIU_NATS_SEED": str(running.seed("metrics")),
            "NUANLIU_MONGO_URL": running.mongo("metrics"),
            "NUANLIU_MONGO_DATABASE": "metrics",
            "NUANLIU_HTTP_PORT": str(port),
            "NUANLIU_POLICY": str(SAMPLE_DIRECTORY),
            "NUANLIU_REGISTRY": str(registry),
            "NUANLIU_CLOCK": "replay",
        }
        base = f"http://127.0.0.1:{port}"
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=base, timeout=PATIENCE, headers=bearer(LEADER))
        )
        admin = await running.connect()
        documents = Mongo(running.mongo("metrics"), "metrics")
        world = World(admin, documents, environment, directory, http)
        await world.start()
        try:
            yield world
        finally:
            while world.copies:
                await world.stop()
            await documents.close()
            await admin.close()


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_in(tmp_path_factory.mktemp("metrics")) as world:
        told = season()
        random.Random(7).shuffle(told)
        await world.publish(told)
        yield world


async def test_events_in_any_order_become_the_figures_of_the_contract(world: World) -> None:
    wanted = {
        ("nuanliu_cases_closed_total", "verified"): 6,
        ("nuanliu_appeals_total", CARD, "rejected"): 3,
        ("nuanliu_appeals_total", HOTLINE, "registered"): 7,
        ("nuanliu_appeals_total", CARD, "merged"): 6,
        ("nuanliu_appeals_total", HOTLINE, "answered"): 1,
        ("nuanliu_appeals_total", "letter", "registered"): 0,
        ("nuanliu_cases", "closed"): 6,
        ("nuanliu_cases", "dispatched"): 2,
        ("nuanliu_assignments", HEATING, "resolved"): 6,
        ("nuanliu_assignments_overdue", HEATING, "accept"): 1,
        ("nuanliu_reworks_total", PROPERTY): 1,
        ("nuanliu_room_temperature_celsius_count", "nh-01"): 13,
        ("nuanliu_room_temperature_celsius_bucket", "18.0", "nh-01"): 1,
        ("nuanliu_indicator_ratio", HEATING, "solved_rate", "7d"): 1.0,
        ("nuanliu_indicator_denominator", PROPERTY, "solved_rate", "7d"): 1,
        ("nuanliu_event_lag", "CASE", "metrics"): 0,
        ("nuanliu_dead_letters_total", "metrics"): 0,
    }

    found = await until(world.samples, lambda found: wanted.items() <= found.items())

    assert ("nuanliu_indicator_ratio", "gas-zy", "solved_rate", "7d") not in found


def ours(found: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """What comes from the database, the same in every copy."""
    own = ("loop", "timestamp", "lag")
    return {
        key: value
        for key, value in found.items()
        if key[0].startswith("nuanliu_") and not any(word in key[0] for word in own)
    }


async def test_figures_are_for_the_centre_and_what_every_service_shows_for_everybody(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.http.base_url, timeout=PATIENCE) as anybody:
        asked = {path: (await anybody.get(path)).status_code for path in FIGURES}
        opened = {path: (await anybody.get(path)).status_code for path in ("/metrics", "/health/ready")}
        typed = await anybody.get(FIGURES[1], auth=("leader", f"nl_{LEADER}"))
    shown = {path: (await world.http.get(path)).status_code for path in FIGURES}

    assert set(asked.values()) == {401}
    assert set(opened.values()) == set(shown.values()) == {200}
    assert typed.status_code == 200


async def test_counters_do_not_fall_back_when_the_service_starts_again(world: World) -> None:
    before = await world.shows(3, "nuanliu_appeals_total", CARD, "rejected")
    await world.stop()
    await world.start()

    after = await world.shows(6, "nuanliu_cases_closed_total", "verified")

    assert ours(after) == ours(before)


async def test_a_second_copy_shows_the_same(world: World) -> None:
    before = await world.shows(6, "nuanliu_cases_closed_total", "verified")
    (port,) = free_ports(1)
    first, base = world.http, f"http://127.0.0.1:{port}"
    world.environment["NUANLIU_HTTP_PORT"] = str(port)
    try:
        async with httpx.AsyncClient(base_url=base, timeout=PATIENCE) as world.http:
            await world.start()
            found = await world.shows(6, "nuanliu_cases_closed_total", "verified")
            await world.stop()
    finally:
        world.http = first
        world.environment["NUANLIU_HTTP_PORT"] = str(first.base_url.port)

    assert ours(found) == ours(before)


async def test_promtool_has_nothing_to_say(world: World) -> None:
    text = (await world.http.get("/metrics")).content
    judge = await asyncio.create_subprocess_exec(
        promtool(),
        "check",
        "metrics",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await judge.communicate(text)

    assert (said.decode(), judge.returncode) == ("", 0)


async def test_an_event_that_cannot_be_read_is_counted_as_a_dead_letter(world: World) -> None:
    await world.admin.jetstream().publish("case.closed.v1", b"{", headers={"ce-id": "x"})

    await world.shows(1, "nuanliu_dead_letters_total", "metrics")


async def test_a_bulletin_comes_as_json_page_workbook_and_document(world: World) -> None:
    await world.shows(6, "nuanliu_cases_closed_total", "verified")

    model = (await world.http.get(f"/bulletins/weekly/{WEEK}.json")).json()
    page = await world.http.get(f"/bulletins/weekly/{WEEK}.html")
    book = await world.http.get(f"/bulletins/weekly/{WEEK}.xlsx")
    document = await world.http.get(f"/bulletins/weekly/{WEEK}.docx")

    assert (model["from"], model["to"]) == ("2026-11-16", "2026-11-22")
    assert model["indicators"]["solved_rate"] == {"numerator": 6, "denominator": 7, "ratio": 6 / 7}
    assert model["headline"] in page.text
    assert "xl/workbook.xml" in ZipFile(BytesIO(book.content)).namelist()
    assert "word/document.xml" in ZipFile(BytesIO(document.content)).namelist()


async def test_indicators_by_dimension_and_wrong_questions_by_field(world: World) -> None:
    await world.shows(6, "nuanliu_cases_closed_total", "verified")
    answer = (await world.http.get("/api/v1/indicators?by=agency&from=2026-11-16&to=2026-11-30")).json()
    rows = {row["value"]: row for row in answer["rows"]}
    assert rows[HEATING]["indicators"]["completion_rate"] == {"numerator": 6, "denominator": 6, "ratio": 1.0}
    assert rows[HEATING]["times"]["close"]["median"] == 31 * 3600

    for question, name in (
        ("by=weather", "by"),
        ("from=yesterday", "from"),
        ("from=2026-11-20&to=2026-11-10", "from"),
        ("to=9999-12-31", "to"),
    ):
        refused = await world.http.get(f"/api/v1/indicators?{question}")
        assert refused.status_code == 422
        assert {error["field"] for error in refused.json()["errors"]} >= {name}
    assert (await world.http.get("/bulletins/weekly/2026-02-30.json")).json()["errors"][0]["field"] == "date"
    assert (await world.http.get("/bulletins/hourly/2026-11-18.json")).status_code == 404
    assert (await world.http.get("/bulletins/weekly/2026-11-18.pdf")).status_code == 404


async def test_marks_are_taken_off_only_where_nobody_wrote_meanwhile(world: World) -> None:
    async def settled() -> bool | None:
        marks = [
            await world.documents.count(c, {"state.dirty": {"$gt": ""}}) for c in (CASE_FACTS, APPEAL_FACTS)
        ]
        return True if not any(marks) else None

    await until_there(settled)
    await world.stop()
    try:
        (old,) = await world.documents.query(CASE_FACTS, {"_id": "open"})
        dirty = old.state.model_copy(update={"dirty": old.state.buckets})
        first = old.next(dirty, [], ())
        second = first.next(dirty, [], ())
        await world.documents.save([first])
        await world.documents.save([second])

        await clear_marks(world.documents, CASE_FACTS, [first])
        assert (await world.documents.find(CASE_FACTS, "_id", ["open"]))[0].state.dirty == dirty.dirty

        await clear_marks(world.documents, CASE_FACTS, [second])
        (clean,) = await world.documents.find(CASE_FACTS, "_id", ["open"])
        assert (clean.state.dirty, clean.version) == (None, second.version)
    finally:
        await world.start()
