"""The AsyncAPI document of a service, generated from its events: single-event payloads, one message per subject."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from shared.contracts.base import Event

PUBLISHERS = ("intake", "routing", "response", "revisit")


@cache
def published_by(service: str) -> tuple[type[Event], ...]:
    """Every event a service publishes."""
    return tuple(import_module(f"shared.contracts.{service}").EVENTS) if service in PUBLISHERS else ()


def catalogue(service: str, consumed: Iterable[type[Event]]) -> dict[str, Any]:
    """AsyncAPI 3.0 as JSON-able values: channels, operations from the service's side, messages, schemas."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for action, events in (("send", published_by(service)), ("receive", tuple(consumed))):
        for event in events:
            name = event.type
            channels[name] = _channel(event)
            operations[f"{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{_pointer(name)}"},
            }
            messages[name] = {
                "name": name,
                "contentType": "application/json",
                "summary": (event.__doc__ or "").strip().split("\n")[0],
                "payload": {"$ref": f"#/components/schemas/{_pointer(name)}"},
            }
            schemas[name] = event.model_json_schema(
                ref_template=f"#/components/schemas/{name}/$defs/{{model}}"
            )
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Nuanliu {service}", "version": "1.0.0"},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(event: type[Event]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": event.pattern,
        "messages": {event.type: {"$ref": f"#/components/messages/{_pointer(event.type)}"}},
    }
    if event.to_tenant:
        channel["parameters"] = {"tenant": {"description": "the id of the agency, channel or field team"}}
    return channel


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
