"""The balance sheet of a replay: is every appeal, every case and every event accounted for?

Two books are held against each other: what the channels' own programs sent and were told, and what the metrics service
counts. Neither knows the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

OUTCOMES = ("registered", "merged", "answered", "not_accepted", "rejected")
OPEN = ("registered", "dispatched", "deferred", "resolved")


@dataclass(frozen=True)
class Balance:
    """``appeals``: by outcome, as channels were told; ``counted``: the same by metrics; ``wrong``: what differs;
    ``by_desk``: cases that the centre's desk decided."""

    sent: int
    repeats: int
    appeals: Mapping[str, int]
    counted: Mapping[str, int]
    cases: int
    by_state: Mapping[str, int]
    events: int
    waiting: int
    dead_letters: int
    refused: int
    by_desk: int = 0
    wrong: Sequence[str] = field(default_factory=tuple)


def balance(
    script: Sequence[Mapping[str, Any]],
    diaries: Mapping[str, Mapping[str, Any]],
    exposition: str,
    events: int,
) -> Balance:
    """``exposition``: the metrics service's /metrics; ``events``: messages in all streams of ours."""
    submitted = [line for line in script if line["verb"] == "submitted"]
    repeats = sum(line.get("repeat") == "equal" for line in submitted)
    channels = [diary for diary in diaries.values() if diary["kind"] == "channel"]
    told: Counter[str] = Counter()
    for diary in channels:
        told.update(diary["answers"])
    rejected: Counter[str] = Counter()
    for diary in channels:
        rejected.update(diary["rejected"])
    told["rejected"] = rejected[""] + sum(rejected[id] for id in {line["id"] for line in submitted})
    cases = {case for diary in channels for case in diary["cases"]}
    samples = _samples(exposition)
    counted = {
        o: int(sum(v for k, v in samples["nuanliu_appeals_total"] if k["outcome"] == o)) for o in OUTCOMES
    }
    by_state = {k["state"]: int(v) for k, v in samples["nuanliu_cases"]}
    dead = int(sum(v for _, v in samples["nuanliu_dead_letters_total"]))
    refused = sum(d["seen"].get("refused", 0) + d["seen"].get("rejected", 0) for d in diaries.values())
    wrong = []
    if (of_in := len(submitted) - repeats) != sum(told[o] for o in OUTCOMES):
        wrong.append(f"{of_in} appeals in, {sum(told[o] for o in OUTCOMES)} answered")
    wrong += [
        f"{o}: channels were told {told[o]}, metrics counts {counted[o]}"
        for o in OUTCOMES
        if told[o] != counted[o]
    ]
    if len(cases) != sum(by_state.values()):
        wrong.append(f"{len(cases)} cases were opened, {sum(by_state.values())} stand in some state")
    if len(cases) != told["registered"]:
        wrong.append(f"{told['registered']} appeals opened a case, but there are {len(cases)} cases")
    if refused != dead:
        wrong.append(f"{refused} refusals were told, {dead} messages are kept")
    waiting = {f"{k['service']} of {k['consumer']}": int(v) for k, v in samples["nuanliu_event_lag"] if v}
    wrong += [f"{name}: {count} events not processed" for name, count in waiting.items()]
    return Balance(
        sent=len(submitted),
        repeats=repeats,
        appeals={o: told[o] for o in OUTCOMES},
        counted=counted,
        cases=len(cases),
        by_state=by_state,
        events=events,
        waiting=sum(waiting.values()),
        dead_letters=dead,
        refused=refused,
        by_desk=sum(len(diary.get("decided", ())) for diary in diaries.values()),
        wrong=tuple(wrong),
    )


def figures_read_at(exposition: str) -> float:
    """Seconds since 1970 by the metrics service's clock; 0 before it first read them."""
    samples = _samples(exposition).get("nuanliu_figures_timestamp_seconds", [])
    return max((value for _, value in samples), default=0.0)


def _samples(exposition: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    for name in ("nuanliu_appeals_total", "nuanliu_cases", "nuanliu_dead_letters_total", "nuanliu_event_lag"):
        found.setdefault(name, [])
    return found
