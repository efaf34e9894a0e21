"""The score on real messages, which are not ours to keep: `replied_judged.jsonl` holds only where each stands in the
file of messages, how many it stands for, and which agency kinds a dispatcher would accept for it ("desk" for the
centre's desk). `part` says what a figure is worth: "looked at" was looked at while rules were mended; "judged at once"
was judged together with it, before, and never looked at again; "judged later" was drawn and judged when the rules were
done, from those that they read with some confidence."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.explain import explain_line
from shared.policy import Jurisdiction
from tests.evaluation.score import DESK, reliability

REPLIED = Path(__file__).with_name("replied_judged.jsonl")


class NotTheseMessages(Exception):
    """The file of messages is not the one that was judged; says which lines differ."""


@dataclass(frozen=True)
class Message:
    """A judged message: ``part`` and ``stands_for`` of its judgement, ``fate`` and ``confidence`` as read, ``right``:
    whether its lead is accepted."""

    part: str
    stands_for: float
    fate: str
    confidence: float
    right: bool


def fate(said: Mapping[str, Any], sure: float) -> str:
    """What becomes of a message as far as its words decide: its place, of another city, is left out."""
    if "errors" in said:
        return "unreadable"
    if "not_accepted" in said:
        return "not accepted"
    if said["mode"] == "answer":
        return "answered"
    if said["confidence"] < sure:
        return "desk: category unclear"
    return "sent on" if said["lead_kind"] else "desk: nobody in charge"


def explained(path: Path, jurisdiction: Jurisdiction) -> list[dict[str, Any]]:
    """The messages of a file with what the services would make of them, under `said`."""
    with path.open(encoding="utf-8") as lines:
        messages = [json.loads(line) for line in lines if line.strip()]
    return [message | {"said": explain_line(message, jurisdiction)} for message in messages]


def judged(
    messages: Sequence[Mapping[str, Any]], judgements: Sequence[Mapping[str, Any]], sure: float
) -> list[Message]:
    """Every judgement held against its message. Raises NotTheseMessages if one is not where it was."""
    missing = [
        judgement["line"]
        for judgement in judgements
        if judgement["line"] > len(messages) or messages[judgement["line"] - 1].get("id") != judgement["id"]
    ]
    if missing:
        raise NotTheseMessages(f"other messages than were judged in lines {missing}")
    return [_judged(messages[judgement["line"] - 1]["said"], judgement, sure) for judgement in judgements]


def _judged(said: Mapping[str, Any], judgement: Mapping[str, Any], sure: float) -> Message:
    lead = said.get("lead_kind") or DESK
    return Message(
        judgement["part"],
        judgement["stands_for"],
        fate(said, sure),
        said.get("confidence", 0.0),
        lead in judgement["lead_kinds"],
    )


def report(
    messages: Sequence[Mapping[str, Any]], judgements: Sequence[Mapping[str, Any]], sure: float
) -> Iterator[str]:
    """Lines for people: what becomes of all messages, how many of those sent on are wrong, and whether confidence
    means what it says. Raises NotTheseMessages."""
    found = judged(messages, judgements, sure)
    fates = Counter(fate(message["said"], sure) for message in messages)
    yield from (f"  {name:24}{times:6}{times / len(messages):8.1%}" for name, times in fates.most_common())
    parts: defaultdict[str, list[Message]] = defaultdict(list)
    for message in found:
        parts[message.part].append(message)
    for part, judged_there in parts.items():
        sent = [message for message in judged_there if message.fate == "sent on"]
        wrong = [message for message in sent if not message.right]
        share = sum(message.stands_for for message in wrong) / sum(message.stands_for for message in sent)
        counted = f"{len(judged_there)} judged, {len(sent)} sent on, {len(wrong)} of them wrong"
        yield f"{part}: {counted}: {share:.1%} of all such"
        with_lead = [
            message for message in judged_there if message.fate in ("sent on", "desk: category unclear")
        ]
        yield reliability([(message.confidence, message.right) for message in with_lead])
