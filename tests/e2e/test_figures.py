"""What Prometheus reads: every name of the contract, the counts that those outside have, nothing lost by a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections import Counter
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.journey import COLD, DISCONTENT, Journeys
from tests.e2e.outsider import Outside
from tests.e2e.running import Up
from tests.support.judges import promtool
from tests.support.live import until

PROMISED = {
    "nuanliu_appeals_total": {"channel", "outcome"},
    "nuanliu_cases": {"state"},
    "nuanliu_cases_closed_total": {"outcome"},
    "nuanliu_assignments": {"agency", "state"},
    "nuanliu_assignments_overdue": {"agency", "deadline"},
    "nuanliu_indicator_ratio": {"indicator", "agency", "window"},
    "nuanliu_indicator_denominator": {"indicator", "agency", "window"},
    "nuanliu_reworks_total": {"agency"},
    "nuanliu_room_temperature_celsius_bucket": {"subdistrict", "le"},
    "nuanliu_room_temperature_celsius_sum": {"subdistrict"},
    "nuanliu_room_temperature_celsius_count": {"subdistrict"},
    "nuanliu_revisits_overdue": set(),
    "nuanliu_event_lag": {"service", "consumer"},
    "nuanliu_dead_letters_total": {"service"},
}
COUNTERS = ("_total", "_bucket", "_count")
ANSWERS = ("registered", "merged", "answered", "not_accepted")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def samples(client: httpx.AsyncClient) -> Samples:
    """/metrics: (name, labels) -> value; of our own figures."""
    text = (await client.get("/metrics")).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in PROMISED
    }


def of(found: Samples, name: str, **labels: str) -> float:
    """The sum over all samples of this name with these labels."""
    return sum(
        value
        for (sample, having), value in found.items()
        if sample == name and labels.items() <= dict(having).items()
    )


def answered(outside: Outside) -> Counter[tuple[str, str]]:
    """How each channel was told its appeals were taken, by (channel, answer). What the desk joins to another case stays
    as it was first told; what it splits off counts as told ``instead_of`` that."""
    first: dict[tuple[str, str], str] = {}
    for one in outside.everywhere.heard:
        about = (one.to, one.data.get("appeal_id", ""))
        if one.kind in ANSWERS and (about not in first or one.data.get("instead_of")):
            first[about] = one.kind
    return Counter((channel, answer) for (channel, _), answer in first.items())


@pytest.fixture(scope="module")
async def something_happened(outside: Outside, journeys: Journeys) -> None:
    """A rework that ends well, and a question nobody could read."""
    journey = await journeys.start(COLD)
    await journey.resolve()
    await journey.answer(await journey.due(), **DISCONTENT)
    await journey.assigned_again()
    await journey.finish()
    unread = await outside["letter"].say("submitted", {"texte": "?"})
    await outside["letter"].hears("rejected", in_reply_to=unread)


@pytest.mark.usefixtures("something_happened")
async def test_every_promised_figure_is_there_with_its_labels(http: dict[str, httpx.AsyncClient]) -> None:
    async def missing() -> set[str]:
        return PROMISED.keys() - {name for name, _ in await samples(http["metrics"])}

    await until(missing, lambda names: not names)
    for name, labels in await samples(http["metrics"]):
        assert {label for label, _ in labels} == PROMISED[name], name


@pytest.mark.usefixtures("something_happened")
async def test_labels_are_the_registrys_and_never_a_case_or_a_phone(
    outside: Outside, http: dict[str, httpx.AsyncClient]
) -> None:
    found = await samples(http["metrics"])
    known = {kind: {one.name for one in outside.of_kind(kind)} for kind in ("channel", "agency")}

    for label, names in known.items():
        shown = {value for _, labels in found for name, value in labels if name == label}
        assert shown <= names
    cases = {one["case_id"] for one in outside.everywhere.all("registered")}
    assert not cases & {value for _, labels in found for _, value in labels}


@pytest.mark.usefixtures("something_happened")
async def test_appeals_are_counted_as_their_channels_were_told(
    outside: Outside, http: dict[str, httpx.AsyncClient]
) -> None:
    async def differing() -> dict[str, Any]:
        found = await samples(http["metrics"])
        told = answered(outside)
        counted = {
            (channel.name, outcome): of(found, "nuanliu_appeals_total", channel=channel.name, outcome=outcome)
            for channel in outside.of_kind("channel")
            for outcome in ANSWERS
        }
        return {str(key): (told[key], counted[key]) for key in counted if told[key] != counted[key]}

    await until(differing, lambda differing: not differing)


@pytest.mark.usefixtures("something_happened")
async def test_closings_reworks_and_dead_letters_are_counted(
    outside: Outside, http: dict[str, httpx.AsyncClient]
) -> None:
    heard = outside.everywhere
    closed = Counter(
        outcome for _, outcome in {(one["case_id"], one["outcome"]) for one in heard.all("closed")}
    )
    reworked = Counter(
        one.to for one in heard.all("assigned") if one.data.get("rework", {}).get("count") == 1
    )

    async def lacking() -> list[str]:
        found = await samples(http["metrics"])
        least = {
            **{
                f"verified {outcome}": (
                    closed[outcome],
                    of(found, "nuanliu_cases_closed_total", outcome=outcome),
                )
                for outcome in closed
            },
            **{
                f"reworked {to}": (count, of(found, "nuanliu_reworks_total", agency=to))
                for to, count in reworked.items()
            },
            "dead": (1, of(found, "nuanliu_dead_letters_total", service="intake")),
            "cases": (1, of(found, "nuanliu_cases", state="closed")),
        }
        return [f"{name}: {shown} of {wanted}" for name, (wanted, shown) in least.items() if shown < wanted]

    assert closed["verified"]
    assert reworked
    await until(lacking, lambda lacking: not lacking)


@pytest.mark.usefixtures("something_happened")
async def test_nothing_waits_once_everybody_has_been_told(http: dict[str, httpx.AsyncClient]) -> None:
    async def waiting() -> float:
        return of(await samples(http["metrics"]), "nuanliu_event_lag")

    await until(waiting, lambda lag: lag == 0)


@pytest.mark.usefixtures("something_happened")
async def test_a_killed_metrics_service_comes_back_with_the_same_counters(
    up: Up, http: dict[str, httpx.AsyncClient]
) -> None:
    before = {
        key: value for key, value in (await samples(http["metrics"])).items() if key[0].endswith(COUNTERS)
    }
    old = up.endpoints["pids"]["metrics"]

    os.kill(old, signal.SIGKILL)

    async def back() -> Samples:
        try:
            return await samples(http["metrics"])
        except httpx.TransportError:
            return {}

    after = await until(
        back, lambda found: up.endpoints["pids"]["metrics"] != old and before.keys() <= found.keys(), 60
    )
    fallen = {key: (value, after[key]) for key, value in before.items() if after[key] < value}
    assert not fallen
    assert sum(before.values()) > 0


@pytest.mark.parametrize("service", ["intake", "routing", "response", "revisit", "metrics"])
async def test_promtool_accepts_what_every_service_shows(
    http: dict[str, httpx.AsyncClient], service: str
) -> None:
    shown = (await http[service].get("/metrics")).content

    judged = await asyncio.to_thread(
        subprocess.run, [promtool(), "check", "metrics"], input=shown, capture_output=True, check=False
    )

    assert (judged.returncode, judged.stdout + judged.stderr) == (0, b"")
