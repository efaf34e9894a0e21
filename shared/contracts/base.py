"""What every event has in common: its subject, its type, its stream.

A subject is written once, on the class of its event. A subject that is addressed to or sent by an outsider carries the
tenant as second token (``dispatch.{tenant}.assigned.v1``); the CloudEvents type leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

TYPE_PREFIX = "nuanliu."
TENANT = r"[a-z0-9][a-z0-9-]{1,30}"

CATALOGUE = "https://nuanliu.invalid/docs/schemas"
"""Where schemas are said to lie when an installation has not said where (docs/decisions/0020)."""


def _from_rfc3339(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("a time is RFC 3339 text with an offset, for example 2026-11-15T08:00:00+08:00")
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("no such day or time") from None


def _in_utc(value: datetime) -> datetime:
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if _FIRST <= moment <= _LAST:
            return moment
    except OverflowError:
        pass
    raise ValueError("no such day or time")


_FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
"""Between these every moment has a time on the clocks of every zone, so that it can be shown there."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
Instant = Annotated[
    datetime,
    AfterValidator(_in_utc),
    BeforeValidator(_from_rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_RFC3339.pattern}$"}),
]
"""A moment with an offset, kept in UTC. Bare numbers and times without offset are refused."""


def dataschema(type: str, catalogue: str = CATALOGUE) -> str:
    """The address of an event type's JSON Schema: its ``$id``, and ``ce-dataschema`` of what outsiders are sent."""
    return f"{catalogue}/{type}.json"


class Part(BaseModel):
    """A value inside events, never changed. In our own events it is read tolerantly; in an outsider's, a field nobody
    knows is refused by name (the reader says which, see ``shared.loop.envelope``)."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Event(BaseModel):
    """Something that happened, or that another service must do. Subclasses name their subject once."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pattern: ClassVar[str] = ""
    type: ClassVar[str] = ""
    to_tenant: ClassVar[bool] = False

    def __init_subclass__(cls, subject: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if subject:
            cls.pattern = subject
            cls.to_tenant = "{tenant}" in subject
            cls.type = TYPE_PREFIX + subject.replace(".{tenant}", "")

    @classmethod
    def subject(cls, tenant: str = "") -> str:
        """The NATS subject; events of the outer contracts need the tenant."""
        if cls.to_tenant != bool(tenant):
            raise ValueError(f"{cls.__name__}: tenant {'needed' if cls.to_tenant else 'not wanted'}")
        return cls.pattern.format(tenant=tenant) if cls.to_tenant else cls.pattern


class IngressEvent(Event):
    """What an outsider sends: read strictly, so that a misspelt field is answered instead of dropped."""

    def happened(self) -> Iterator[tuple[str, datetime | None]]:
        """The times that cannot lie ahead, by field name: when something happened, was said, was measured."""
        for name in ("at", "reported_at"):
            if name in type(self).model_fields:
                yield name, getattr(self, name)
        for index, reading in enumerate(getattr(self, "readings", None) or ()):
            yield f"readings.{index}.at", reading.at
