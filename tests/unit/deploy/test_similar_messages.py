"""`nuanliu similar`: which messages of a file look like one problem; the same as comparing each with each."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deploy import SAMPLE
from deploy.cli import app
from deploy.clusters import Cluster, Pair, clusters, pairs
from deploy.similar import Found, similar_in, tell
from services.routing.domain.similar import Ground, Told, alike
from shared.policy import load
from shared.policy.places import Named
from shared.policy.rules import Similar
from tests.support.cases import START

HERE = load(SAMPLE)
PLACES = HERE.places
RULE = Similar(likeness=0.35, likeness_here=0.1, within=timedelta(days=30), most=5)
COLD = {
    "id": "1",
    "subject": "锦绣花园暖气不热",
    "text": "家里只有十五度，老人受不了",
    "submitted_at": "2020-01-03T09:00:00",
}
COLD_TOO = COLD | {"id": "2", "text": "家里只有十五度，孩子也受不了", "submitted_at": "2020-01-05T09:00:00"}
LAMP = {"id": "3", "subject": "开元路路灯不亮", "text": "晚上一片漆黑", "submitted_at": "2020-01-04T09:00:00"}


def quietly(_what: str, parts: Iterable[Any], _many: int | None) -> Iterable[Any]:
    return parts


def lines(*messages: Any) -> list[str]:
    return [said if isinstance(said, str) else json.dumps(said, ensure_ascii=False) for said in messages]


def found(*messages: Any, rule: Similar = RULE) -> Found:
    return similar_in(lines(*messages), HERE, rule, quietly)


def shown(what: Found, most: int = 10) -> str:
    out = io.StringIO()
    tell(what, RULE, HERE, out, most)
    return out.getvalue()


def members(of: Iterable[Cluster]) -> list[list[str]]:
    return [[one.id for one in cluster.members] for cluster in of]


DRAWN = st.builds(
    lambda number, words, days, compounds, spots, area, category, sure: Told(
        id=f"m{number:03}",
        at=START + timedelta(days=days),
        category=category,
        sure=sure,
        ground=Ground(compounds, compounds, Named(area, spots)),
        words=words,
    ),
    st.integers(0, 999),
    st.frozensets(st.sampled_from("abcdefghijklmnop"), max_size=16),
    st.sampled_from((0, 1, 30, 31, 60, 61)),
    st.frozensets(st.sampled_from([one.code for one in PLACES.compounds[:2]]), max_size=1),
    st.frozensets(st.sampled_from(("路", "桥")), max_size=1),
    st.frozensets(st.sampled_from(("市", "县")), max_size=1),
    st.sampled_from(("x", "y")),
    st.booleans(),
)
MANY = st.lists(DRAWN, max_size=14, unique_by=lambda told: told.id)
RULES = st.builds(
    lambda likeness, here: Similar(likeness=likeness / 20, likeness_here=here / 20),
    st.integers(1, 20),
    st.integers(1, 20),
)


def each_with_each(told: list[Told], rule: Similar) -> dict[frozenset[str], float]:
    return {
        frozenset((one.id, other.id)): likeness
        for number, one in enumerate(told)
        for other in told[:number]
        if (likeness := alike(one, other, rule, PLACES)) is not None
    }


def walked(told: list[Told], near: dict[frozenset[str], float]) -> set[frozenset[str]]:
    """What hangs together, by walking from each message along the pairs."""
    made = set()
    for start in told:
        reached, before = {start.id}, set()
        while reached != before:
            before = set(reached)
            reached |= {id for pair in near if pair & before for id in pair}
        if len(reached) > 1:
            made.add(frozenset(reached))
    return made


@given(MANY, RULES)
def test_no_pair_and_no_cluster_is_missed_by_looking_only_where_one_can_be(
    told: list[Told], rule: Similar
) -> None:
    quick = list(pairs(told, rule, PLACES))

    slow = each_with_each(told, rule)
    assert {frozenset((pair.one, pair.other)): pair.likeness for pair in quick} == slow
    assert len(quick) == len(slow)
    assert {frozenset(ids) for ids in members(clusters(told, quick))} == walked(told, slow)


@given(MANY, RULES, st.randoms())
def test_the_order_of_the_messages_does_not_matter(told: list[Told], rule: Similar, chance: Any) -> None:
    made = clusters(told, list(pairs(told, rule, PLACES)))

    mixed = list(told)
    chance.shuffle(mixed)
    near = list(pairs(mixed, rule, PLACES))
    chance.shuffle(near)
    assert clusters(mixed, near) == made


def test_the_largest_come_first_and_of_equals_the_earliest() -> None:
    told = [
        Told(
            id,
            START + timedelta(days=day),
            "x",
            True,
            Ground(frozenset(), frozenset(), Named(frozenset(), frozenset())),
            frozenset("ab"),
        )
        for day, id in enumerate("edcba")
    ]
    near = [Pair("a", "b", 1.0), Pair("d", "e", 0.5), Pair("c", "d", 0.7)]

    (first, second) = clusters(told, near)

    assert members([first, second]) == [["e", "d", "c"], ["b", "a"]]
    assert (first.pairs, first.least, first.most) == (2, 0.5, 0.7)


def test_messages_in_like_words_about_one_place_are_one_cluster() -> None:
    what = found(COLD, LAMP, COLD_TOO)

    (cluster,) = what.clusters
    assert [what.messages[one.id].name for one in cluster.members] == ["1", "2"]
    assert not what.unread


@pytest.mark.parametrize(
    "changes",
    [
        {"submitted_at": "2020-03-01T09:00:00"},
        {"subject": "建设路暖气不热", "location": {"compound": PLACES.compounds[9].name}},
        {"category": "water.outage"},
    ],
)
def test_another_time_place_or_category_is_another_problem(changes: dict[str, Any]) -> None:
    home = {"location": {"compound": PLACES.compounds[0].name}, "category": "heating.no_heat"}
    assert found(COLD | home, COLD_TOO | home).clusters
    assert not found(COLD | home, COLD_TOO | home | changes).clusters


def test_a_time_without_an_offset_is_the_jurisdictions_and_none_is_as_good_as_any_other() -> None:
    (message,) = found(COLD).messages.values()
    assert message.told.at.utcoffset() == timedelta(hours=8)
    timeless = {"text": "锦绣花园暖气不热，家里只有十五度"}
    assert found(timeless, timeless).clusters
    assert "—" in shown(found(timeless, timeless))


def test_what_can_not_be_read_is_named_by_line_and_field_and_the_rest_is_read() -> None:
    what = found(
        COLD,
        "not json",
        "[1]",
        "",
        {"text": " "},
        {"text": 5},
        COLD | {"submitted_at": "yesterday"},
        COLD | {"reported_at": 7},
        {"text": "x" * 4001},
        {"text": "冷", "location": {"room": 3}},
        COLD_TOO,
    )

    assert [(one.line, one.field) for one in what.unread] == [
        (2, "json"),
        (3, "json"),
        (5, "text"),
        (6, "text"),
        (7, "submitted_at"),
        (8, "reported_at"),
        (9, "text"),
        (10, "location.room"),
    ]
    assert len(what.clusters) == 1
    assert "yesterday" in str(what.unread[4])


def test_what_is_told_names_sums_and_subjects_and_only_so_many_clusters() -> None:
    said = shown(found(COLD, COLD_TOO, LAMP, LAMP | {"id": "4"}))

    assert "消息 messages 4" in said
    assert "相似对 pairs 2，归为 clusters 2 组，含消息 with messages 4" in said
    assert "2020-01-03  1  锦绣花园暖气不热" in said
    assert said.index("锦绣花园") < said.index("开元路")
    assert "开元路" not in shown(found(COLD, COLD_TOO, LAMP, LAMP | {"id": "4"}), most=1)


def test_a_message_without_a_subject_is_told_by_how_it_begins_without_its_phone() -> None:
    text = {"text": "电话13812345678，暖气不热，" + "家里很冷" * 20}
    said = shown(found(text, text))
    assert "138****5678" in said
    assert "13812345678" not in said
    assert "…" in said


def run(file: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["similar", str(file), *options])


def test_the_command_takes_the_rule_of_the_pack_or_what_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(lines(COLD, COLD_TOO, LAMP)), encoding="utf-8")

    usual, strict, soon = run(file), run(file, "--likeness", "0.99"), run(file, "--days", "1")

    assert [ran.exit_code for ran in (usual, strict, soon)] == [0, 0, 0]
    assert f"likeness ≥ {HERE.policy.similar.likeness:g}" in usual.stdout
    assert "clusters 1 组" in usual.stdout
    assert "clusters 0 组" in strict.stdout
    assert "clusters 0 组" in soon.stdout


def test_the_command_ends_with_one_where_lines_could_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(lines(COLD, "{", COLD_TOO)), encoding="utf-8")

    ran = run(file)

    assert ran.exit_code == 1
    assert "line 2" in ran.stderr
    assert "clusters 1 组" in ran.stdout


def test_a_line_in_another_encoding_could_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    wrong, right = lines(COLD, COLD_TOO)
    file.write_bytes(wrong.encode("gbk") + b"\n" + right.encode())

    ran = run(file)

    assert ran.exit_code == 1
    assert "line 1: json" in ran.stderr
    assert "UTF-8" in ran.stderr
    assert "messages 1" in ran.stdout


def test_a_file_may_come_in_any_order() -> None:
    messages = [COLD, COLD_TOO, LAMP, LAMP | {"id": "4"}, COLD | {"id": "5"}]
    usual = shown(found(*messages))
    random.Random(1).shuffle(messages)
    assert sorted(shown(found(*messages)).splitlines()) == sorted(usual.splitlines())
