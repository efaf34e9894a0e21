"""What the intake service is made of."""

from __future__ import annotations

from services.intake.api import routes
from services.intake.handlers import handlers
from services.intake.store import COLLECTIONS
from shared.service import Service

SERVICE = Service(name="intake", handlers=handlers, collections=COLLECTIONS, tenants="channel", routes=routes)
