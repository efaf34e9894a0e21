"""The composition root of metrics: the only place that builds things."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from services.metrics import api
from services.metrics.exposition import expose
from services.metrics.handlers import handlers
from services.metrics.keeper import keep
from services.metrics.mirror import Mirror
from services.metrics.store import COLLECTIONS
from shared.access import Centre, for_the_centre
from shared.service import Running, Service

LINGER = 0.5
MOST = 1000
"""Nobody waits for a figure: events gather for so many seconds, up to so many, and those of one case make one write."""

_mirror = Mirror()


def routes(app: FastAPI, running: Running) -> None:
    """The figures, which are the centre's; /metrics is open as everywhere."""
    for_the_centre(app, Centre(lambda: running.jurisdiction.tenants, running.settings.http_tokens))
    api.routes(app, running, _mirror)


SERVICE = Service(
    "metrics",
    handlers,
    COLLECTIONS,
    routes=routes,
    background=(keep, partial(expose, mirror=_mirror)),
    most=MOST,
    linger=LINGER,
)
