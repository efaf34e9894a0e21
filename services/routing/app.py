"""The composition root of routing: the only place that builds things."""

from __future__ import annotations

from services.routing.api import routes
from services.routing.handlers import handlers
from services.routing.store import COLLECTIONS
from services.routing.sweep import reviews
from shared.service import Service

SERVICE = Service("routing", handlers, COLLECTIONS, sweep=reviews, routes=routes)
