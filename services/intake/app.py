"""What the intake service is made of."""

from __future__ import annotations

from fastapi import FastAPI

from services.intake import api, behind, open311
from services.intake.handlers import handlers
from services.intake.lessons import learn
from services.intake.store import COLLECTIONS
from shared.service import Running, Service


def routes(app: FastAPI, running: Running) -> None:
    """Both fronts: our own API and Open311."""
    api.routes(app, running)
    open311.routes(app, running)


SERVICE = Service(
    name="intake",
    handlers=handlers,
    collections=COLLECTIONS,
    tenants="channel",
    routes=routes,
    background=(learn, behind.answer),
)
