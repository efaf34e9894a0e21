"""The composition root of response: the only place that builds things."""

from __future__ import annotations

from fastapi import FastAPI

from services.response.api import routes
from services.response.handlers import handlers
from services.response.store import COLLECTIONS
from services.response.sweep import deadlines
from services.response.unwatched import watch
from services.response.webhooks import api as webhooks
from services.response.webhooks.keeper import deliver
from services.response.workbench.pages import workbench
from shared.service import Running, Service


def front(app: FastAPI, running: Running) -> None:
    """All of HTTP: assignments, webhooks, and the agency's page."""
    routes(app, running)
    webhooks.routes(app, running)
    workbench(app, running)


SERVICE = Service(
    "response",
    handlers,
    COLLECTIONS,
    tenants="agency",
    sweep=deadlines,
    routes=front,
    background=(deliver, watch),
)
