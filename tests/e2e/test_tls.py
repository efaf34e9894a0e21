"""`nuanliu up --tls`: the whole stack speaks TLS to everybody, and a case goes its way over it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import ServerSelectionTimeoutError

from tests.e2e.outsider import Outside, connect
from tests.e2e.running import Up
from tests.support.engines import free_port_base

CHANNEL = "hotline-12345"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(tmp_path_factory.mktemp("tls") / "stack", free_port_base(), "--tls") as running:
        yield running


async def test_a_case_reaches_its_agency_over_tls(secured: Up) -> None:
    told = secured.endpoints
    example = told["examples"][0]

    async with Outside(told) as outside:
        id = await outside[CHANNEL].say("submitted", example["submitted"])
        registered = await outside[CHANNEL].hears("registered", in_reply_to=id)
        await outside[example["lead_agency"]].hears("assigned", case_id=registered["case_id"], role="lead")

    assert told["nats"].startswith("tls://")
    assert "tls=true" in told["mongo"]
    assert Path(told["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert not outside.problems


async def test_who_does_not_trust_the_authority_of_the_stack_does_not_connect(secured: Up) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(secured.endpoints, CHANNEL, tls=ssl.create_default_context(), allow_reconnect=False)


async def test_the_database_talks_to_nobody_in_the_clear(secured: Up) -> None:
    plain = secured.endpoints["mongo"].partition("&tls=")[0]

    async with AsyncMongoClient[dict[str, object]](plain, serverSelectionTimeoutMS=1000) as mongo:
        with pytest.raises(ServerSelectionTimeoutError):
            await mongo.admin.command("ping")


async def test_no_service_was_denied_a_subject(secured: Up) -> None:
    log = (secured.directory / "logs" / "nats.log").read_text()

    assert "Violation" not in log
