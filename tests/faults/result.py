"""What a replay led to, and what two replays of the same season must share (DESIGN 6)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

import httpx
import orjson
from pymongo import AsyncMongoClient

from deploy.local.engines import connect
from deploy.local.up import LocalStack
from deploy.replay.balance import Balance, balance
from deploy.replay.drive import Replayed
from shared.contracts.streams import OURS
from tests.support.live import messages

KEPT = {
    "intake": ("appeals", "matters", "lessons"),
    "routing": ("cases",),
    "response": ("assignments",),
    "revisit": ("tasks", "hazards", "patrols"),
}
APPEAL = (
    "state",
    "channel",
    "nature",
    "case_id",
    "case_no",
    "outcome",
    "solved",
    "satisfaction",
    "reason_code",
    "urged",
)
CASE = (
    "state", "case_no", "nature", "urgency", "mode", "lead_agency", "assist_agencies", "tried", "round", "reworks",
    "returns", "level", "extensions", "appeals", "households", "urged", "resolve_by", "outcome", "solved",
    "satisfaction", "closed_at",
)  # fmt: skip
ASSIGNMENT = (
    "state",
    "case_id",
    "agency",
    "round",
    "assigned_at",
    "level",
    "outcome",
    "reason_code",
    "held",
    "satisfaction",
)
TASK = (
    "state",
    "case_id",
    "round",
    "team",
    "attempt",
    "households",
    "measure",
    "due_by",
    "settled_at",
    "reason",
)
FIGURES_SECONDS = 120.0
"""Patience only: how far /metrics may be behind on a machine where several replays run side by side."""

Book = dict[str, Any]


@dataclass
class Result:
    """``books``: name -> key -> what is there; ``wrong``: what no run may show, whatever it is compared with."""

    books: dict[str, Book] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    messages: int = 0


async def result(stack: LocalStack, replayed: Replayed) -> Result:
    """Reads databases, streams, diaries and figures of a stack on which a replay has ended."""
    found = Result()
    kept = await _documents(stack)
    found.wrong += _wrongly_applied(kept)
    appeals, cases = kept["intake"]["appeals"], kept["routing"]["cases"]
    assignments, tasks = kept["response"]["assignments"], kept["revisit"]["tasks"]
    found.books["appeal"] = {d["_id"]: _some(d["state"], APPEAL) for d in appeals}
    found.books["case"] = {d["_id"]: _some(d["state"], CASE) | {"gave": _gave(d["state"])} for d in cases}
    found.books["assignment"] = {
        d["_id"]: _some(d["state"], ASSIGNMENT) | _steps(d["state"]) for d in assignments
    }
    found.books["revisit"] = {d["_id"]: _some(d["state"], TASK) | _answers(d["state"]) for d in tasks}
    found.wrong += _two_leads(cases, assignments)
    await _read_streams(stack, found)
    for tenant, diary in replayed.diaries.items():
        found.books[f"received by {tenant}"] = dict.fromkeys(diary["received"], True)
        found.books[f"told {tenant}"] = {k: v for k, v in diary.items() if k not in ("received", "sent")}
    by_state = Counter(document["state"]["state"] for document in cases)
    sheet = await _balance(stack, replayed, found.messages, by_state)
    found.wrong += sheet.wrong
    if +Counter(sheet.by_state) != by_state:
        found.wrong.append(f"metrics counts {sheet.by_state}, routing holds {dict(by_state)}")
    found.books["balance"] = {
        k: v for k, v in asdict(sheet).items() if k not in ("wrong", "dead_letters", "events")
    }
    return found


def differences(one: Result, other: Result) -> list[str]:
    """Where two results differ, one line each."""
    told = []
    for name in sorted(one.books.keys() | other.books.keys()):
        left, right = one.books.get(name, {}), other.books.get(name, {})
        for key in sorted(left.keys() | right.keys(), key=str):
            if left.get(key) != right.get(key):
                told.append(f"{name} {key}: {_apart(left.get(key), right.get(key))}")
    return told


def lost(whole: Result, other: Result) -> list[str]:
    """What ``other`` lost, as no later time could mend: what nobody heard of, and what one service said and the next
    does not know."""
    appeals, cases = other.books["appeal"], other.books["case"]
    assignments, revisits = other.books["assignment"], other.books["revisit"]
    told = [
        f"{name} {key}: not there"
        for name in ("appeal", "case")
        for key in sorted(whole.books[name].keys() - other.books[name].keys())
    ]
    told += [
        f"appeal {key}: never placed" for key, appeal in appeals.items() if appeal["state"] == "received"
    ]
    sent_back = {(task["case_id"], task["round"]) for task in revisits.values()}
    for key, case in cases.items():
        if case["state"] == "resolved" and (key, case["round"]) not in sent_back:
            told.append(f"case {key}: resolved, and nobody goes back")
        for id, agency, _, _, standing in case["gave"]:
            assignment = assignments.get(id)
            if assignment is None:
                told.append(f"assignment {id}: never reached {agency}")
            elif standing == "live" and assignment["state"] in ("resolved", "returned"):
                told.append(f"assignment {id}: {assignment['state']}, and its case does not know")
    return told


def _apart(left: Any, right: Any) -> str:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        fields = [f for f in sorted(left.keys() | right.keys()) if left.get(f) != right.get(f)]
        return ", ".join(f"{f} {left.get(f)!s} | {right.get(f)!s}" for f in fields)
    return f"{left!s} | {right!s}"


# --- documents --------------------------------------------------------------------------------------------------------


async def _documents(stack: LocalStack) -> dict[str, dict[str, list[dict[str, Any]]]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.mongo(), tz_aware=True)
    try:
        return {
            service: {name: await client[service][name].find({}).to_list(None) for name in names}
            for service, names in KEPT.items()
        }
    finally:
        await client.close()


def _wrongly_applied(kept: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    """An input changes one document, once: no id in two documents, no version without an input of its own."""
    told = []
    for service, collections in kept.items():
        for name, documents in collections.items():
            times = Counter(entry[0] for document in documents for entry in document["applied"])
            told += [f"{service}.{name}: input {id} applied {n} times" for id, n in times.items() if n > 1]
            told += [
                f"{service}.{name} {d['_id']}: version {d['version']} after {len(d['applied'])} inputs"
                for d in documents
                if d["version"] > len(d["applied"])
            ]
    return told


def _two_leads(cases: Iterable[dict[str, Any]], assignments: Iterable[dict[str, Any]]) -> list[str]:
    told = []
    for document in cases:
        state = document["state"]
        standing = [a for a in state["assignments"] if a["round"] == state["round"] and a["role"] == "lead"]
        if len([a for a in standing if a["standing"] in ("live", "resolved")]) > 1:
            told.append(f"case {document['_id']} has two leads")
    live = Counter(
        d["state"]["case_id"]
        for d in assignments
        if d["state"]["state"] in ("assigned", "accepted", "arrived")
        and d["state"]["order"]["role"] == "lead"
    )
    return told + [f"case {case} has {n} agencies at work as its lead" for case, n in live.items() if n > 1]


def _some(state: Mapping[str, Any], names: Iterable[str]) -> Book:
    return {name: state.get(name) for name in names}


def _gave(case: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Who had a part in a case and how that ended."""
    return sorted(
        (a["assignment_id"], a["agency"], a["role"], str(a["round"]), a["standing"])
        for a in case["assignments"]
    )


def _steps(assignment: Mapping[str, Any]) -> Book:
    return {
        "role": assignment["order"]["role"],
        "taken": {step: (taken["at"], taken["on_time"]) for step, taken in assignment["taken"].items()},
        "told": {step: (clock["due"], clock["told"]) for step, clock in assignment["clocks"].items()},
    }


def _answers(task: Mapping[str, Any]) -> Book:
    return {name: value for name, value in task.get("answers", {}).items() if isinstance(value, int)}


# --- streams ----------------------------------------------------------------------------------------------------------


async def _read_streams(stack: LocalStack, found: Result) -> None:
    """Which events there are, by kind and by what they are about; none of them twice.

    Of a step of an assignment may be told again only that it was taken earlier than known.
    """
    admin = await connect(stack.nats, stack.admin_seed, "admin")
    about: dict[str, list[str]] = {}
    dead: dict[str, str] = {}
    try:
        for stream in OURS:
            held = await messages(admin, stream.name)
            found.messages += len(held)
            if stream.name == "DEAD":
                dead = {_letter(headers, body): unquote(headers["nuanliu-reason"]) for headers, body in held}
                continue
            times = Counter(headers["ce-id"] for headers, _ in held)
            found.wrong += [f"{stream.name}: {id} published {n} times" for id, n in times.items() if n > 1]
            if stream.name == "ASSIGNMENT":
                for headers, body in held:
                    event = orjson.loads(body)
                    what = f"{headers['ce-type']} {event['assignment_id']} {event.get('deadline', '')}"
                    about.setdefault(what.rstrip(), []).append(event["at"])
    finally:
        await admin.close()
    found.books["said of assignments"] = {what: sorted(times) for what, times in about.items()}
    found.wrong += [f"{what} at {t}" for what, t in about.items() if len(set(t)) < len(t)]
    found.books["dead letter"] = dict(dead)


def _letter(headers: Mapping[str, str], body: bytes) -> str:
    """A dead letter by who sent what; an outsider without a receipt sends the same thing again, and it dies again."""
    return (
        f"{headers['nuanliu-subject']} {headers.get('ce-id', '')} {blake2b(body, digest_size=8).hexdigest()}"
    )


# --- figures ----------------------------------------------------------------------------------------------------------


async def _balance(stack: LocalStack, replayed: Replayed, events: int, by_state: Counter[str]) -> Balance:
    """The balance sheet, once the figures have caught up with routing's books; as it then stands when they do not."""
    deadline = asyncio.get_running_loop().time() + FIGURES_SECONDS
    async with httpx.AsyncClient(timeout=FIGURES_SECONDS) as web:
        while True:
            answer = await web.get(f"{stack.http('metrics')}/metrics")
            sheet = balance(replayed.script, replayed.diaries, answer.text, events)
            fresh = not sheet.wrong and +Counter(sheet.by_state) == by_state
            if fresh or asyncio.get_running_loop().time() > deadline:
                return sheet
            await asyncio.sleep(0.2)
