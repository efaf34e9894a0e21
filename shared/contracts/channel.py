"""CONTRACTS 1, published by channels: what residents say, as the channel hands it in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.contracts.base import IngressEvent, Instant
from shared.contracts.values import Attachment, Id, Location, LongText, Nature, Reporter, ShortText

MOST_TITLE = 100
Attachments = Annotated[list[Attachment], Field(max_length=20)]


class Submitted(IngressEvent, subject="intake.{tenant}.submitted.v1"):
    """A resident's appeal, said once. ``title``: what a form or a board calls its subject."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"\S")]
    title: Annotated[str, StringConstraints(max_length=MOST_TITLE)] | None = None
    nature: Nature | None = None
    reported_at: Instant | None = None
    category: ShortText | None = None
    location: Location | None = None
    reporter: Reporter | None = None
    indoor_temperature: float | None = Field(default=None, ge=-60, le=60, allow_inf_nan=False)
    found_by: Literal["resident", "patrol", "visit", "platform"] | None = None
    attachments: Attachments | None = None
    external_ref: Id | None = None
    upstream_due: Instant | None = None

    @property
    def said(self) -> str:
        """Everything in words, the title as its first line."""
        title = " ".join((self.title or "").split())
        return f"{title}\n{self.text}" if title else self.text


class _AboutAppeal(IngressEvent):
    """About an appeal handed in before, by our id or by the channel's own number."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]}
                for name in ("appeal_id", "external_ref")
            ]
        }
    )

    appeal_id: Id | None = None
    external_ref: Id | None = None

    @model_validator(mode="after")
    def _needs_one(self) -> _AboutAppeal:
        if self.appeal_id is None and self.external_ref is None:
            raise ValueError("appeal_id or external_ref is required")
        return self


class Urged(_AboutAppeal, subject="intake.{tenant}.urged.v1"):
    """The resident asks again what has become of it."""

    text: LongText | None = None


class Supplemented(_AboutAppeal, subject="intake.{tenant}.supplemented.v1"):
    """The resident adds something."""

    text: LongText | None = None
    attachments: Attachments | None = None


class Withdrawn(_AboutAppeal, subject="intake.{tenant}.withdrawn.v1"):
    """The resident takes the appeal back."""

    reason: LongText


class Contested(_AboutAppeal, subject="intake.{tenant}.contested.v1"):
    """The resident does not agree with the outcome."""

    reason: LongText


EVENTS = (Submitted, Urged, Supplemented, Withdrawn, Contested)
