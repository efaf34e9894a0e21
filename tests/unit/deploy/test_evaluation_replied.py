"""The score on real messages: what becomes of them, how many sent on are wrong, and nothing left out in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy import SAMPLE
from shared.policy import load
from tests.evaluation.replied import REPLIED, NotTheseMessages, explained, fate, judged, report
from tests.evaluation.score import read, reliability

HERE = load(SAMPLE)
MESSAGES = [
    {"id": "a", "subject": "暖气不热", "text": "屋里冰凉，只有13度"},
    {"id": "b", "subject": "电梯坏了", "text": "没人修"},
    {"id": "c", "text": "在吗"},
]


def written(directory: Path, messages: list[dict[str, Any]]) -> Path:
    file = directory / "messages.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in messages), encoding="utf-8")
    return file


def judgement(line: int, id: str, *kinds: str, stands_for: float = 1.0) -> dict[str, Any]:
    return {"line": line, "id": id, "part": "p", "stands_for": stands_for, "lead_kinds": list(kinds)}


def test_who_is_sent_on_to_whom_nobody_would_have_sent_it_is_wrong_by_what_it_stands_for(
    tmp_path: Path,
) -> None:
    messages = explained(written(tmp_path, MESSAGES), HERE)
    judgements = [
        judgement(1, "a", "heating", stands_for=3),
        judgement(2, "b", "police"),
        judgement(3, "c", "desk"),
    ]

    lines = list(report(messages, judgements, 0.75))

    assert "p: 3 judged, 2 sent on, 1 of them wrong: 25.0% of all such" in lines
    assert any(line.split() == ["sent", "on", "2", "66.7%"] for line in lines)
    assert any(line.startswith("  desk: category unclear") for line in lines)


def test_other_messages_than_were_judged_are_refused_with_their_lines(tmp_path: Path) -> None:
    messages = explained(written(tmp_path, MESSAGES), HERE)

    with pytest.raises(NotTheseMessages, match=r"\[2, 9\]"):
        judged(messages, [judgement(1, "a"), judgement(2, "z"), judgement(9, "a")], 0.75)


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ({"errors": []}, "unreadable"),
        ({"mode": "self", "not_accepted": {}}, "not accepted"),
        ({"mode": "answer"}, "answered"),
        ({"mode": "self", "confidence": 0.74, "lead_kind": "heating"}, "desk: category unclear"),
        ({"mode": "self", "confidence": 0.75, "lead_kind": "heating"}, "sent on"),
        ({"mode": "self", "confidence": 0.75, "lead_kind": None}, "desk: nobody in charge"),
    ],
)
def test_what_becomes_of_a_message(said: dict[str, Any], becomes: str) -> None:
    assert fate(said, 0.75) == becomes


def test_a_table_holds_what_was_said_against_what_was_so() -> None:
    table = reliability([(0.96, True), (0.98, False), (0.7, True)])

    assert [line.split() for line in table.splitlines()[1:]] == [
        ["0.65", "-", "0.75", "70%", "100%", "1", "/", "1"],
        ["0.95", "-", "1.00", "97%", "50%", "1", "/", "2"],
    ]


def test_judgements_keep_no_word_of_a_message() -> None:
    kept = read(REPLIED)

    assert len({one["line"] for one in kept}) == len(kept) >= 280
    assert {frozenset(one) for one in kept} == {frozenset(judgement(1, "a"))}
    assert all(one["id"].isascii() and one["id"].isalnum() and one["lead_kinds"] for one in kept)
