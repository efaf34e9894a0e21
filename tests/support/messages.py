"""Builders of messages as they lie in a stream: our own, and an outsider's in either mode."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from shared.contracts.base import Event
from shared.loop.bus import Delivery
from tests.support.fakes import START, FakeBus


def own(bus: FakeBus, event: Event, id: str = "", time: datetime = START) -> Delivery:
    """An event of ours, as the loop publishes it."""
    id = id or str(uuid4())
    return bus.put(
        event.subject(), binary(event.type, id, time=time.isoformat()), event.model_dump_json().encode()
    )


def binary(type: str, id: str = "", **attributes: str | None) -> dict[str, str]:
    """The headers of a message in binary mode; an attribute None is left out."""
    headers: dict[str, str | None] = {
        "ce-id": id or str(uuid4()),
        "ce-source": "/agency/test",
        "ce-specversion": "1.0",
        "ce-type": type,
        "content-type": "application/json",
    }
    headers |= {
        f"ce-{name}" if name != "content_type" else "content-type": v for name, v in attributes.items()
    }
    return {name: value for name, value in headers.items() if value is not None}


def structured(type: str, data: Any, id: str = "", **attributes: Any) -> bytes:
    """The body of a message in structured mode; an attribute None is left out."""
    event: dict[str, Any] = {
        "id": id or str(uuid4()),
        "source": "/agency/test",
        "specversion": "1.0",
        "type": type,
        "data": data,
    } | attributes
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def said(
    bus: FakeBus,
    body: Any,
    id: str = "",
    tenant: str = "heating-zy",
    verb: str = "said",
    **attributes: str | None,
) -> Delivery:
    """An agency's message in binary mode; ``body`` is JSON values, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    headers = binary(f"nuanliu.response.{verb}.v1", id, **attributes)
    return bus.put(f"response.{tenant}.{verb}.v1", headers, data)
