"""The HTTP front of a service in memory: its routes over documents, a bus and a district of the test's choosing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared import http
from shared.catalogue.sheets import Sheets
from shared.policy import Jurisdiction
from shared.service import Running
from shared.settings import Settings
from tests.support.fakes import FakeBus, FakeDocuments

Routes = Callable[[FastAPI, Running], None]


def running(
    documents: FakeDocuments,
    bus: FakeBus | None,
    here: Jurisdiction,
    settings: Settings | None = None,
    broker: Any = None,
) -> Running:
    """What the front may use; a ``broker`` only where it asks another service."""
    return Running(
        settings or Settings(),
        cast(Any, documents),
        cast(Any, bus),
        cast(Any, broker),
        cast(Any, SimpleNamespace(now=here)),
        CollectorRegistry(),
    )


def application(service: str, front: Running, *routes: Routes | None) -> FastAPI:
    """The application of a service that is ready, made of these routes; those of a whole service are there."""
    made = http.create(service, _ready, front.registry, Sheets(service, ()))
    for some in routes:
        assert some is not None, f"{service} has no front"
        some(made, front)
    return made


def client(service: str, front: Running, *routes: Routes | None) -> httpx.AsyncClient:
    """Whoever asks it."""
    transport = httpx.ASGITransport(application(service, front, *routes))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{service}")


async def _ready() -> str:
    return ""
