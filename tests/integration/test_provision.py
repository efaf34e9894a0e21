"""The setup job of the production shape, against both servers."""

from __future__ import annotations

from pathlib import Path

from deploy.provision import ProvisionSettings, provision
from deploy.render import SAMPLE
from shared.contracts.streams import OURS
from shared.policy import load
from tests.support.engines import engines


async def test_the_setup_job_makes_everything_once_and_then_leaves_it_alone(tmp_path: Path) -> None:
    tenants = load(SAMPLE).tenants.tenants
    async with engines(tmp_path, tenants=()) as running:
        settings = ProvisionSettings(
            nats_url=running.nats,
            mongo_address=f"127.0.0.1:{running.mongo_port}",
            secrets=running.keys.directory,
            policy=SAMPLE,
        )

        first = await provision(settings)
        again = await provision(settings)

        made = [line for line in first if line.startswith("stream ") and line.endswith(" created")]
        assert len(made) == len(tenants)  # our own were there
        assert len(again) == 1
        assert again[0].endswith("indexes in place")
        admin = await running.connect()
        kept = [await admin.jetstream().stream_info(stream.name) for stream in OURS]
        await admin.close()
        assert all(info.config.deny_delete for info in kept)
