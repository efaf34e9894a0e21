"""The routing service as a process, in a district whose calendar ends too soon: it runs, and operators see the gap."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deploy import SAMPLE
from deploy.topology import handled_events
from services.routing.missing_year import MISSING
from services.routing.store import COLLECTIONS
from tests.support.engines import engines, free_ports
from tests.support.live import until

TEN_YEARS = "3660d"


async def test_a_year_nobody_entered_is_shown_on_the_metrics_page_and_stops_nothing(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(SAMPLE, pack)
    calendar = pack / "policy" / "calendar.yaml"
    calendar.write_text(
        calendar.read_text(encoding="utf-8").replace("look_ahead: 60d", f"look_ahead: {TEN_YEARS}"),
        encoding="utf-8",
    )
    [port] = free_ports(1)
    handled = {"routing": handled_events(["routing"])["routing"]}
    async with engines(tmp_path / "engines", handled=handled, stores={"routing": COLLECTIONS}) as started:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.routing",
            env=os.environ
            | {
                "NUANLIU_NATS_URL": started.nats,
                "NUANLIU_NATS_SEED": str(started.seed("routing")),
                "NUANLIU_MONGO_URL": started.mongo("routing"),
                "NUANLIU_MONGO_DATABASE": "routing",
                "NUANLIU_HTTP_PORT": str(port),
                "NUANLIU_POLICY": str(pack),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            year = datetime.now(UTC).year + 9
            wanted = f'{MISSING}{{year="{year}"}} 1.0'
            await until(lambda: page(port, "metrics"), lambda seen: wanted in seen)
            await until(lambda: page(port, "health/ready"), bool)
        finally:
            child.terminate()
            output, _ = await child.communicate()
    told = [line for line in output.decode().splitlines() if "a calendar year is missing" in line]
    assert len([line for line in told if f'"year": {year}' in line]) == 1
    assert child.returncode == 0


async def page(port: int, path: str) -> str:
    try:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"http://127.0.0.1:{port}/{path}")
            return answer.text if answer.is_success else ""
    except httpx.TransportError:
        return ""
