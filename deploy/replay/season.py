"""A seeded stretch of a heating season: what is said, when, over which channel. Pure; the words are data.

Two appeals of homes that are cold together are never said in the same slot (half an hour), but for a burst. In that,
each thing said of a compound is first said by a few, one after the other, a slot ahead of those that say it too: which
of several opens a case, and which make it a mass incident, must not depend on which of two machines was quicker.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from shared.ids import derive
from shared.policy import Jurisdiction
from shared.policy.places import Compound

SLOT = timedelta(minutes=30)
FIRST_HOUR, LAST_HOUR = 6, 22
ONE_BY_ONE = 6
"""So many first appeals of a burst wait for one another; by then it is a mass incident, and told in sums."""
CHANNELS = {
    "hotline-12345": 34,
    "zhengzhou-app": 20,
    "wechat-grid": 22,
    "qr-door": 8,
    "grid-patrol": 6,
    "warm-card": 4,
    "walk-in": 4,
    "letter": 2,
}
KINDS = {
    "case": 86,
    "consultation": 7,
    "suggestion": 2,
    "praise": 1,
    "confidential": 2,
    "out_of_reach": 1,
    "hostile": 1,
}
Line = dict[str, Any]


@dataclass(frozen=True)
class Season:
    """How long, how much, and the seed that makes it the same each time."""

    days: int = 14
    appeals: int = 2000
    seed: int = 20251115
    burst: bool = True


def lines(season: Season, words: dict[str, Any], jurisdiction: Jurisdiction) -> list[Line]:
    """Everything channels will hand in, in order of time. A line has channel, at, verb, id,
    data (or raw bytes), headers; and about, if what is said waits for what else is said about that."""
    draw = random.Random(season.seed)
    start = datetime.fromisoformat(words["start"])
    compounds = list(jurisdiction.places.compounds)
    ground = {c.code: s.code if (s := jurisdiction.places.station_of(c.code)) else c.code for c in compounds}
    taken: set[tuple[str, str]] = set()
    burst = list(_burst(season, words, compounds, start, draw, ground, taken)) if season.burst else []
    daily = _daily(season, words, compounds, start, draw, season.appeals - len(burst), ground, taken)
    said = [*burst, *daily]
    said += list(_afterwards(said, draw))
    said += list(_malformed(start, season.days, draw))
    return sorted(said, key=lambda line: (line["at"], line["channel"], line["id"]))


def write(path: Path, script: Sequence[Line]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in script), encoding="utf-8")


def read_words() -> dict[str, Any]:
    """What the people of the sample district say, beside this module."""
    words: dict[str, Any] = yaml.safe_load(
        Path(__file__).with_name("season.yaml").read_text(encoding="utf-8")
    )
    return words


def _daily(
    season: Season,
    words: dict[str, Any],
    compounds: Sequence[Compound],
    start: datetime,
    draw: random.Random,
    wanted: int,
    ground: dict[str, str],
    taken: set[tuple[str, str]],
) -> Iterator[Line]:
    slots = [
        start + timedelta(days=day, hours=FIRST_HOUR) + SLOT * step
        for day in range(season.days)
        for step in range(int((LAST_HOUR - FIRST_HOUR) * 3600 / SLOT.total_seconds()))
    ]
    made = 0
    while made < wanted:
        at = draw.choice(slots)
        compound = draw.choices(compounds, [c.households for c in compounds])[0]
        if (at.isoformat(), ground[compound.code]) in taken:
            continue
        taken.add((at.isoformat(), ground[compound.code]))
        made += 1
        yield _appeal(made, at, compound, words, draw)


def _appeal(
    number: int, at: datetime, compound: Compound, words: dict[str, Any], draw: random.Random
) -> Line:
    kind = draw.choices(list(KINDS), list(KINDS.values()))[0]
    building, entrance, room = _home(compound, draw)
    data: dict[str, Any] = {"reported_at": (at - timedelta(minutes=draw.randint(0, 9))).isoformat()}
    if kind == "case":
        saying = draw.choices(words["sayings"], [s["weight"] for s in words["sayings"]])[0]
        low = draw.randint(12, 17)
        data["text"] = draw.choice(saying["texts"]).format(home=_where(compound, building, draw), low=low)
        if saying["category"] == "heating.no_heat" and draw.random() < 0.4:
            data["indoor_temperature"] = low + 0.5
        if draw.random() < 0.1:
            data["category"] = saying["category"] if draw.random() < 0.9 else "没有这一类"
    elif kind == "consultation":
        data["text"] = draw.choice(words["consultations"])
        data["nature"] = "consultation"
    else:
        texts = {
            "suggestion": words["suggestions"],
            "praise": words["praise"],
            "confidential": words["confidential"],
            "out_of_reach": words["out_of_reach"],
            "hostile": words["hostile_texts"],
        }[kind]
        data["text"] = draw.choice(texts).replace("{home}", _where(compound, building, draw))
        if kind in ("suggestion", "praise"):
            data["nature"] = kind
        if kind == "confidential":
            data["nature"] = "report_of_wrongdoing"
            data["reporter"] = {"confidential": True, "phone": _phone(draw)}
    if kind not in ("consultation", "out_of_reach"):
        data["location"] = {
            "compound": compound.name,
            "building": building,
            "entrance": entrance,
            "room": room,
        }
    if "reporter" not in data and draw.random() < 0.8:
        data["reporter"] = {"phone": _phone(draw)}
    channel = draw.choices(list(CHANNELS), list(CHANNELS.values()))[0]
    data["external_ref"] = f"{channel[:2].upper()}{at:%y%m%d}{number:05d}"
    return _line(
        channel, at, "submitted", derive("season", "appeal", number), data, structured=draw.random() < 0.1
    )


def _burst(
    season: Season,
    words: dict[str, Any],
    compounds: Sequence[Compound],
    start: datetime,
    draw: random.Random,
    ground: dict[str, str],
    taken: set[tuple[str, str]],
) -> Iterator[Line]:
    """A main breaks: hundreds of appeals in an hour from the same compounds."""
    plan = words["burst"]
    at = start + timedelta(days=min(plan["day"], season.days - 1), hours=plan["hour"])
    apart = {ground[c.code]: c for c in compounds if c.heated}
    hit = draw.sample(list(apart.values()), plan["compounds"])
    appeals = min(plan["appeals"], season.appeals // 4)
    texts: list[str] = plan["texts"]
    longest = len(texts) + 2
    taken.update(
        ((at + SLOT * step).isoformat(), ground[compound.code]) for compound in hit for step in range(longest)
    )
    firsts = [(compound, text) for text in range(len(texts)) for compound in hit for _ in range(ONE_BY_ONE)][
        :appeals
    ]
    rest = [(hit[number % len(hit)], draw.randrange(len(texts))) for number in range(appeals - len(firsts))]
    for number, (compound, text) in enumerate(firsts + rest):
        first = number < len(firsts)
        building, entrance, room = _home(compound, draw, key_households=0.04 if first else 0)
        channel = draw.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        line = _line(
            channel,
            at + SLOT * (text if first else text + draw.randint(1, 2)),
            "submitted",
            derive("season", "burst", number),
            {
                "text": texts[text].format(home=_where(compound, building, draw)),
                "location": {
                    "compound": compound.name,
                    "building": building,
                    "entrance": entrance,
                    "room": room,
                },
                "reporter": {"phone": _phone(draw)},
                "external_ref": f"B{number:05d}",
            },
        )
        yield {**line, "about": f"burst {compound.code}"} if first else line


def _afterwards(said: Sequence[Line], draw: random.Random) -> Iterator[Line]:
    """Some ask again, add something, take it back; some programs send the same twice, or another under its id.

    A withdrawal is said a quarter of an hour off the steps in which appeals are: it may close what they would join.
    """
    for line in said:
        chance = draw.random()
        at = datetime.fromisoformat(line["at"])
        ref = {"external_ref": line["data"]["external_ref"]}
        if chance < 0.03:
            yield _line(
                line["channel"],
                _later(at, 6, draw),
                "urged",
                derive(line["id"], "urged"),
                {**ref, "text": "还没有人来。"},
            )
        elif chance < 0.04:
            yield _line(
                line["channel"],
                _later(at, 2, draw),
                "supplemented",
                derive(line["id"], "more"),
                {**ref, "text": "补充一下，单元门朝南。"},
            )
        elif chance < 0.05:
            yield _line(
                line["channel"],
                _later(at, 3, draw) + SLOT / 2,
                "withdrawn",
                derive(line["id"], "back"),
                {**ref, "reason": "已经好了，不用来了。"},
            )
        elif chance < 0.07:
            yield {**line, "at": _later(at, 1, draw).isoformat(), "repeat": "equal"}
        elif chance < 0.075:
            other = {**line["data"], "text": line["data"]["text"] + "另外想再说一件事。"}
            yield {**line, "at": _later(at, 1, draw).isoformat(), "data": other, "repeat": "other"}


def _later(at: datetime, steps: int, draw: random.Random) -> datetime:
    return at + SLOT * (steps + draw.randint(0, 3))


def _malformed(start: datetime, days: int, draw: random.Random) -> Iterator[Line]:
    """What broken programs send: each is answered by name and kept, and harms nothing beside it."""
    good = {"text": "暖气不热"}
    bad: list[tuple[str, Any, dict[str, str]]] = [
        ("not json", b'{"text": "\xe6\x9a\x96', {}),
        ("not utf-8", b'{"text": "\xff\xfe"}', {}),
        ("a list", b"[1, 2]", {}),
        ("unknown field", {**good, "txet": "x"}, {}),
        ("wrong type", {**good, "indoor_temperature": "14"}, {}),
        ("no offset", {**good, "reported_at": "2025-11-15T08:00:00"}, {}),
        ("empty", {"text": "   "}, {}),
        ("no text", {}, {}),
        ("too large", {**good, "external_ref": "x" * 66_000}, {}),
        ("nature", {**good, "nature": "angry"}, {}),
        ("no id", good, {"ce-id": ""}),
        ("wrong type name", good, {"ce-type": "nuanliu.intake.sent.v1"}),
        ("old spec", good, {"ce-specversion": "0.3"}),
        ("ahead", {**good, "reported_at": "2031-01-01T00:00:00+08:00"}, {}),
    ]
    channels = list(CHANNELS)
    for number, (name, data, headers) in enumerate(bad):
        at = start + timedelta(days=number % days, hours=9) + SLOT * draw.randint(0, 20)
        channel = channels[number % len(channels)]
        id = derive("season", "malformed", name)
        line = _line(channel, at, "submitted", id, data if isinstance(data, dict) else {})
        line["malformed"] = name
        if isinstance(data, bytes):
            line["raw"] = base64.b64encode(data).decode()
        if headers:
            line["headers"] = headers
        yield line


def _line(
    channel: str, at: datetime, verb: str, id: str, data: dict[str, Any], *, structured: bool = False
) -> Line:
    line: Line = {"channel": channel, "at": at.isoformat(), "verb": verb, "id": id, "data": data}
    if structured:
        line["structured"] = True
    return line


def _home(compound: Compound, draw: random.Random, key_households: float = 0.04) -> tuple[str, str, str]:
    if compound.key_households and draw.random() < key_households:
        key = draw.choice(compound.key_households)
        return f"{key.building}号楼", f"{key.entrance}单元", key.room
    building = draw.randint(1, compound.buildings)
    floors = max(1, compound.households // (compound.buildings * max(1, compound.entrances) * 2))
    return (
        f"{building}号楼",
        f"{draw.randint(1, compound.entrances)}单元",
        f"{draw.randint(1, min(floors, 30))}0{draw.randint(1, 2)}",
    )


def _where(compound: Compound, building: str, draw: random.Random) -> str:
    name = draw.choice([compound.name, compound.name, *compound.aliases])
    return f"{name}{building}" if draw.random() < 0.7 else name


def _phone(draw: random.Random) -> str:
    """A number from a range no operator has given out."""
    return f"100{draw.randint(0, 99_999_999):08d}"
