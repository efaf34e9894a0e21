"""The composition root of revisit: the only place that builds things."""

from __future__ import annotations

from services.revisit.api import routes
from services.revisit.handlers import handlers
from services.revisit.store import COLLECTIONS
from services.revisit.sweep import sweep
from shared.service import Service

SERVICE = Service("revisit", handlers, COLLECTIONS, tenants="team", sweep=sweep, routes=routes)
