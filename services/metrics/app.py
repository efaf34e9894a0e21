"""The composition root of metrics: the only place that builds things."""

from __future__ import annotations

from functools import partial

from services.metrics.api import routes
from services.metrics.exposition import expose
from services.metrics.handlers import handlers
from services.metrics.keeper import keep
from services.metrics.mirror import Mirror
from services.metrics.store import COLLECTIONS
from shared.service import Service

LINGER = 0.5
MOST = 1000
"""Nobody waits for a figure: events gather for so many seconds, up to so many, and those of one case make one write."""

_mirror = Mirror()

SERVICE = Service(
    "metrics",
    handlers,
    COLLECTIONS,
    routes=partial(routes, mirror=_mirror),
    background=(keep, partial(expose, mirror=_mirror)),
    most=MOST,
    linger=LINGER,
)
