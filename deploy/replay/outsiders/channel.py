"""Channels: the hotline, the app, WeChat groups. They hand in what residents say and tell them what became of it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.replay.outsiders.base import Tenant, chance, event_id

OUTCOMES = ("registered", "merged", "answered", "not_accepted")


class Channel(Tenant):
    """One channel. Keeps per appeal what it was told last, as a hotline's own register would."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.answers: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.cases: set[str] = set()
        self.rejected: Counter[str] = Counter()  # by the id of what was sent, "" where it had none

    def load(self, script: Path) -> None:
        """The lines of the season that came over this channel."""
        for line in script.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            if said["channel"] != self.name:
                continue
            data = base64.b64decode(said["raw"]) if "raw" in said else said["data"]
            self.plan(
                datetime.fromisoformat(said["at"]),
                said["verb"],
                data,
                said["id"],
                about=said.get("about") or said["data"].get("external_ref", ""),
                headers=said.get("headers", {}),
                structured=said.get("structured", False),
                again=True,
            )

    def on_event(self, kind: str, data: dict[str, Any], at: datetime) -> None:
        appeal = data.get("appeal_id")
        if kind in OUTCOMES and appeal:
            self.answers[appeal] = kind
        if kind in ("registered", "merged"):
            self.cases.add(data["case_id"])
        if kind == "rejected":
            self.rejected[data.get("in_reply_to") or ""] += 1
        if kind == "closed" and appeal:
            self.ended[appeal] = data["outcome"]
            self._perhaps_contest(appeal, data, at)

    def _perhaps_contest(self, appeal: str, data: dict[str, Any], at: datetime) -> None:
        """Some do not agree with the outcome: a quarter past, two hours later; once."""
        if data["outcome"] != "verified" or chance(appeal, "contest") > 0.012:
            return
        later = (at + timedelta(hours=2)).replace(minute=15, second=0, microsecond=0)
        self.plan(
            later,
            "contested",
            {"appeal_id": appeal, "reason": "没有真正解决，第二天又不热了。"},
            event_id(appeal, "contested"),
            about=data["case_id"],
        )

    def diary(self) -> dict[str, Any]:
        return {
            **super().diary(),
            "answers": dict(Counter(self.answers.values())),
            "ended": dict(Counter(self.ended.values())),
            "appeals": len(self.answers),
            "rejected": dict(self.rejected),
            "cases": sorted(self.cases),
        }
