"""AsyncAPI 3.0 documents: single-event payloads, one message per subject, no reference that leads outside.

One says what a service speaks, all its inner events included; one says what outsiders meet, from their side.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from shared.catalogue import words
from shared.catalogue.outside import EVENTS, OUTSIDERS, Outsider
from shared.catalogue.schemas import Schema, schema, shape
from shared.catalogue.vectors import vectors
from shared.contracts.base import CATALOGUE, TENANT, Event, IngressEvent, dataschema

PUBLISHERS = ("intake", "routing", "response", "revisit")

ABOUT = """\
对外契约：渠道、承办单位、回访队伍各为一个 NATS 账户。本文从外部程序的角度书写：send 是您说的，receive 是您听到的。
The contracts outsiders meet. Every channel, agency and field team is a NATS account of its own. The operations are \
the outside program's: `send` is what you say, `receive` what you hear.

* CloudEvents 1.0 over NATS JetStream, binary or structured mode. `ce-type` is `nuanliu.` and the subject without its \
tenant.
* To say something, publish and wait for JetStream's acknowledgement: that is the receipt. The same `ce-id` may be \
sent again with an equal body. Leave `Nats-Msg-Id` out.
* To hear, bind to the durable pull consumer named after you (`x-stream`, `x-consumer`). Delivery is at least once, in \
no promised order.
* What you say is read strictly (closed schemas); what you hear may gain fields (open schemas): ignore what you do not \
know."""

_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "ce-id": (
        "消息编号，也是幂等键",
        "the event's id, and its idempotency key; at most 256 printable characters",
    ),
    "ce-source": ("来源", "where it comes from"),
    "ce-specversion": ("CloudEvents 版本", "version of CloudEvents"),
    "ce-type": ("类型，须与主题相符", "the type; it must fit the subject"),
    "ce-time": ("发生时间", "RFC 3339 with an offset"),
    "ce-subject": ("所关于的诉求或案卷，百分号编码", "the appeal or case it is about, percent-encoded"),
    "ce-dataschema": ("数据的 JSON Schema 地址", "address of the data's JSON Schema"),
    "Nats-Msg-Id": ("等于 ce-id", "equals ce-id"),
    "content-type": ("媒体类型", "media type"),
}


@cache
def published_by(service: str) -> tuple[type[Event], ...]:
    """Every event a service publishes."""
    return tuple(import_module(f"shared.contracts.{service}").EVENTS) if service in PUBLISHERS else ()


def of_service(service: str, consumed: Iterable[type[Event]]) -> dict[str, Any]:
    """What one service publishes (`send`) and consumes (`receive`)."""
    sent, heard = published_by(service), tuple(consumed)
    return _document(
        f"Nuanliu {service}",
        f"What the service {service} publishes and consumes, seen from its side.",
        {event.type: event for event in (*sent, *heard)}.values(),
        [("send", event) for event in sent] + [("receive", event) for event in heard],
    )


@cache
def of_outsiders(catalogue: str = CATALOGUE) -> dict[str, Any]:
    """What channels, agencies and field teams say and hear (CONTRACTS 1-4)."""
    document = _document(
        "暖流 Nuanliu",
        ABOUT,
        EVENTS,
        [
            (action, event)
            for one in OUTSIDERS
            for action, events in (("send", one.says), ("receive", one.hears))
            for event in events
        ],
    )
    document["info"] |= {"license": {"name": "Apache-2.0"}}
    document["servers"] = {
        "nats": {
            "host": "{host}",
            "protocol": "nats",
            "description": "本系统的 NATS / the installation's NATS. The inbox prefix is `_INBOX.<tenant>`.",
            "variables": {"host": {"default": "127.0.0.1:4222"}},
            "security": [{"$ref": "#/components/securitySchemes/nkey"}],
        }
    }
    document["components"]["securitySchemes"] = {
        "nkey": {
            "type": "asymmetricEncryption",
            "description": "nkey（Ed25519）：以种子应答服务器 / your nkey seed answers the server's challenge",
        }
    }
    for one in OUTSIDERS:
        for event in (*one.says, *one.hears):
            _for_outsider(document, one, event, catalogue)
    document["components"]["schemas"] |= {
        "headers.send": _headers(
            ("ce-id", "ce-source", "ce-specversion", "ce-type"), ("ce-time", "ce-subject")
        ),
        "headers.receive": _headers(
            (
                "Nats-Msg-Id",
                "ce-id",
                "ce-source",
                "ce-specversion",
                "ce-type",
                "ce-time",
                "ce-dataschema",
                "content-type",
            ),
            ("ce-subject",),
        ),
    }
    return document


def _document(
    title: str, about: str, events: Iterable[type[Event]], operations: list[tuple[str, type[Event]]]
) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for event in events:
        channels[event.type] = _channel(event)
        messages[event.type] = {
            "name": event.type,
            "contentType": "application/json",
            "summary": " ".join((event.__doc__ or "").split("\n\n")[0].split()),
            "payload": {"$ref": f"#/components/schemas/{event.type}"},
        }
        _add_schema(schemas, event)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1.0.0", "description": about},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"{action}.{event.type}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{event.type}"},
                "messages": [{"$ref": f"#/channels/{event.type}/messages/{event.type}"}],
            }
            for action, event in operations
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(event: type[Event]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": event.pattern,
        "messages": {event.type: {"$ref": f"#/components/messages/{event.type}"}},
    }
    if event.to_tenant:
        channel["parameters"] = {
            "tenant": {"description": f"id of the channel, agency or field team: {TENANT}"}
        }
    return channel


def _for_outsider(document: dict[str, Any], one: Outsider, event: type[Event], catalogue: str) -> None:
    said = issubclass(event, IngressEvent)
    title, (zh, en) = words.title(event), words.OUTSIDERS[one.kind]
    channel = document["channels"][event.type]
    channel["title"] = title.name
    channel["parameters"]["tenant"] |= {
        "description": f"{zh}的编号 / id of the {one.kind}, {TENANT}",
        "examples": [one.example],
    }
    operation = document["operations"][f"{'send' if said else 'receive'}.{event.type}"]
    operation["tags"] = [{"name": one.kind, "description": f"{zh} {en}"}]
    if not said:
        operation |= {"x-stream": one.stream, "x-consumer": "{tenant}"}
    document["components"]["messages"][event.type] |= {
        "title": title.name,
        "summary": f"{title.zh} / {title.en}",
        "headers": {"$ref": f"#/components/schemas/headers.{'send' if said else 'receive'}"},
        "x-dataschema": dataschema(event.type, catalogue),
        "examples": [
            {"name": vector["name"], "headers": vector["binary"]["headers"], "payload": vector["data"]}
            for vector in vectors(event, catalogue)["taken"]
        ],
    }


def _headers(required: tuple[str, ...], optional: tuple[str, ...]) -> Schema:
    names = (*required, *optional)
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": " / ".join(_ATTRIBUTES[name])}
            | ({"const": "1.0"} if name == "ce-specversion" else {})
            for name in names
        },
        "required": list(required),
    }


def _add_schema(schemas: dict[str, Any], event: type[Event]) -> None:
    """The event's schema, its parts beside it. A part is closed in what outsiders say and open in what we say."""
    own = dict(schema(event) if event in EVENTS else shape(event))
    own.pop("$schema", None)
    own.pop("$id", None)
    suffix = ".closed" if issubclass(event, IngressEvent) else ""
    for name, part in own.pop("$defs", {}).items():
        schemas[name + suffix] = _in_asyncapi(part, suffix)
    schemas[event.type] = _in_asyncapi(own, suffix)


def _in_asyncapi(value: Any, suffix: str) -> Any:
    """References as AsyncAPI wants them: to components, and alone, for nothing beside one is read."""
    if isinstance(value, list):
        return [_in_asyncapi(item, suffix) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        ref = {"$ref": value["$ref"].replace("#/$defs/", "#/components/schemas/") + suffix}
        beside = {name: inner for name, inner in value.items() if name != "$ref"}
        return {**beside, "allOf": [ref]} if beside else ref
    return {name: _in_asyncapi(inner, suffix) for name, inner in value.items()}
