"""`nuanliu similar`: which messages of a file look like one problem, without running the services."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson
from pydantic import ValidationError

from deploy.clusters import Cluster, Pair, clusters, pairs
from services.intake.understand import understand
from services.routing.domain.similar import Told, ground
from shared.contracts.channel import Submitted
from shared.contracts.values import Location
from shared.policy import Jurisdiction
from shared.policy.categories import CATCH_ALL
from shared.policy.rules import Similar
from shared.policy.wording import shingles
from shared.veil import veiled

WORDS = ("subject", "text", "body")
TIMES = ("reported_at", "submitted_at")
SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Of messages that do not say theirs: they are held against each other."""
LONGEST_LINE = 48

Steps = Callable[[str, Iterable[Any], int | None], Iterable[Any]]
"""Shows how far a loop is: (what, the parts, how many)."""


class Unread(NamedTuple):
    """A line that is no message: its number from 1, the field and what is the matter with it."""

    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"第 {self.line} 行 line {self.line}: {self.field}: {self.problem}"


class Message(NamedTuple):
    """One line. ``name``: its id, else its line; ``subject``: its subject, else how its text begins, veiled."""

    told: Told
    name: str
    subject: str
    timed: bool


class Found(NamedTuple):
    """What a file holds: messages by the id of their telling, what could not be read, all pairs, the clusters."""

    messages: dict[str, Message]
    unread: list[Unread]
    pairs: list[Pair]
    clusters: list[Cluster]


def similar_in(lines: Iterable[str], jurisdiction: Jurisdiction, rule: Similar, steps: Steps) -> Found:
    """One message per line: {"text"?, "subject"?, "body"?, "id"?, "reported_at"? or "submitted_at"?} and the other
    fields of `submitted`; fields nobody knows are ignored, blank lines are skipped. A time without an offset is the
    jurisdiction's."""
    messages: dict[str, Message] = {}
    unread: list[Unread] = []
    for number, line in enumerate(steps("读入 reading", lines, None), 1):
        if not line.strip():
            continue
        read = _message(line, number, jurisdiction)
        if isinstance(read, Message):
            messages[read.told.id] = read
        else:
            unread += read
    told = [message.told for message in messages.values()]
    stepped = iter(steps("比较 comparing", range(len(told)), len(told)))
    found = list(pairs(told, rule, jurisdiction.places, lambda: next(stepped, None)))
    next(stepped, None)
    return Found(messages, unread, found, clusters(told, found))


def _message(line: str, number: int, jurisdiction: Jurisdiction) -> Message | list[Unread]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        return [Unread(number, "json", str(problem))]
    if not isinstance(said, dict):
        return [Unread(number, "json", "须为对象 (an object is expected)")]
    for field in WORDS:
        if not isinstance(said.get(field) or "", str):
            return [Unread(number, field, "须为文字 (must be a text)")]
    texts = list(dict.fromkeys(filter(None, (said.get(field) for field in WORDS))))
    try:
        at = _time(said, jurisdiction)
    except ValueError as problem:
        field, _, what = str(problem).partition(": ")
        return [Unread(number, field, what)]
    known = {key: value for key, value in said.items() if key in ("nature", "category", "location")}
    try:
        appeal = Submitted.model_validate(known | {"text": "\n".join(texts)})
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        return [Unread(number, ".".join(map(str, error["loc"])), error["msg"]) for error in errors]
    id = f"{number:09}"
    return Message(
        _told(id, appeal, at or SOME_TIME, jurisdiction),
        str(said.get("id") or f"第 {number} 行"),
        _first_line(texts[0]),
        at is not None,
    )


def _told(id: str, appeal: Submitted, at: datetime, jurisdiction: Jurisdiction) -> Told:
    read = understand(appeal.text, appeal.nature, appeal.category, appeal.location, jurisdiction)
    where = appeal.location or Location()
    return Told(
        id=id,
        at=at,
        category=read.category,
        sure=read.sure and read.category != CATCH_ALL,
        ground=ground(read.place, where, appeal.text, jurisdiction.places),
        words=shingles(appeal.text),
    )


def _time(said: dict[str, Any], jurisdiction: Jurisdiction) -> datetime | None:
    field = next((name for name in TIMES if said.get(name) is not None), None)
    if field is None:
        return None
    try:
        at = datetime.fromisoformat(said[field])
    except (TypeError, ValueError):
        raise ValueError(f"{field}: 不是时间 (no time): {said[field]!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=jurisdiction.policy.zone)


def _first_line(text: str) -> str:
    line = veiled(" ".join(text.split()), None, None)
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"


def tell(found: Found, rule: Similar, jurisdiction: Jurisdiction, out: TextIO, most: int) -> None:
    """The sums, then the ``most`` largest clusters, each with its messages in the order of their time."""
    many, gathered = len(found.messages), sum(len(one.members) for one in found.clusters)
    days = f"{rule.within.total_seconds() / 86400:g}"
    out.write(
        f"消息 messages {many}，无法读取 unread lines {len({one.line for one in found.unread})}\n"
        f"相似 similar：文字相似度 likeness ≥ {rule.likeness:g}，同一地点 in one spot ≥ {rule.likeness_here:g}；"
        f"相隔至多 within {days} 天 d；类别与地点不矛盾 (category and place do not speak against it)\n"
        f"相似对 pairs {len(found.pairs)}，归为 clusters {len(found.clusters)} 组，含消息 with messages {gathered}\n"
    )
    for number, cluster in enumerate(found.clusters[:most], 1):
        out.write(f"\n{number}. {_about(cluster, jurisdiction)}\n")
        for one in cluster.members:
            message = found.messages[one.id]
            when = f"{one.at.astimezone(jurisdiction.policy.zone):%Y-%m-%d}" if message.timed else "—"
            out.write(f"   {when}  {message.name}  {message.subject}\n")


def _about(cluster: Cluster, jurisdiction: Jurisdiction) -> str:
    codes = dict.fromkeys(one.category for one in cluster.members)
    categories = "、".join(jurisdiction.policy.tree.get(code).path[-1] for code in codes)
    most = f"{cluster.most:.2f}"
    likeness = most if cluster.least == cluster.most else f"{cluster.least:.2f}–{most}"
    return f"{len(cluster.members)} 条 messages，{cluster.pairs} 对 pairs，相似度 likeness {likeness}，{categories}"


def similar_file(
    path: Path, out: TextIO, jurisdiction: Jurisdiction, rule: Similar, steps: Steps, most: int
) -> list[Unread]:
    """Tells what a file holds; gives the lines that could not be read."""
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        found = similar_in(lines, jurisdiction, rule, steps)
    tell(found, rule, jurisdiction, out, most)
    return found.unread
