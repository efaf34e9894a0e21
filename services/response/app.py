"""The composition root of response: the only place that builds things."""

from __future__ import annotations

from services.response.api import routes
from services.response.handlers import handlers
from services.response.store import COLLECTIONS
from services.response.sweep import deadlines
from shared.service import Service

SERVICE = Service("response", handlers, COLLECTIONS, tenants="agency", sweep=deadlines, routes=routes)
