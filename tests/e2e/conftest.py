"""One stack for all journeys, started by the real command, and everybody outside connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from deploy import SAMPLE
from deploy.examples import examples
from deploy.keys import ADMIN, KeyRing
from deploy.local.engines import connect
from shared.policy import load
from shared.policy.places import UNPLACED
from tests.e2e.journey import COLD, LIFT, Journeys
from tests.e2e.outsider import Outside
from tests.e2e.running import Up
from tests.support.engines import free_port_base
from tests.support.waiting import alive


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`nuanliu up`, ended by Ctrl-C: it must leave nothing behind and exit 0."""
    with Up(tmp_path_factory.mktemp("e2e") / "stack", free_port_base()) as running:
        yield running
        pids = running.endpoints["pids"]
        assert running.stop() == 0, running.said
        assert not running.file.exists()
        assert not [part for part, pid in pids.items() if alive(pid)]


@pytest.fixture(scope="session")
def endpoints(up: Up) -> dict[str, Any]:
    return up.endpoints


@pytest.fixture(scope="session")
async def outside(endpoints: dict[str, Any]) -> AsyncIterator[Outside]:
    """Everybody the registry knows."""
    async with Outside(endpoints) as everybody:
        yield everybody


@pytest.fixture(autouse=True)
def _by_contract(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test is about: every event anybody was sent while it ran kept the contract."""
    yield
    if "outside" in request.fixturenames:
        everybody = request.getfixturevalue("outside")
        problems, everybody.problems = everybody.problems, []
        assert not problems


@pytest.fixture(scope="session")
def places() -> dict[str, list[tuple[dict[str, Any], str]]]:
    """(location, team) by what is complained of, wherever one agency answers for it alone: cold flats where the heating
    company runs the network itself, lifts where there is a property manager. None is an example's of the same."""
    jurisdiction = load(SAMPLE)
    said = [one["submitted"] for one in examples(jurisdiction)]
    found: dict[str, list[tuple[dict[str, Any], str]]] = {COLD: [], LIFT: []}
    for compound in jurisdiction.places.compounds:
        place = jurisdiction.places.place(compound.code) or UNPLACED
        here = "".join(body["text"] for body in said if body["location"]["compound"] == compound.name)
        location = {"compound": compound.name, "building": "2", "entrance": "1", "room": "402"}
        at = (location, jurisdiction.tenants.team_for(place))
        heating = compound.heating
        alone = heating and heating.run_by == "heating_company" and heating.warranty_until is None
        if alone and "暖气片" not in here:
            found[COLD].append(at)
        if jurisdiction.tenants.agencies_for("property", place) and "电梯" not in here:
            found[LIFT].append(at)
    return found


@pytest.fixture(scope="session")
def journeys(outside: Outside, places: dict[str, list[tuple[dict[str, Any], str]]]) -> Journeys:
    return Journeys(outside, places)


@pytest.fixture(scope="session")
async def http(endpoints: dict[str, Any]) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client per service."""
    clients = {name: httpx.AsyncClient(base_url=url, timeout=20) for name, url in endpoints["http"].items()}
    yield clients
    for client in clients.values():
        await client.aclose()


@pytest.fixture(scope="session")
async def operator(up: Up, endpoints: dict[str, Any]) -> AsyncIterator[Client]:
    """The one who may look into every stream."""
    client = await connect(endpoints["nats"], KeyRing(up.directory / "keys").seed(ADMIN), ADMIN)
    yield client
    await client.close()
