"""`nuanliu explain` and the examples say what the services would do."""

import io
import json
from pathlib import Path

from deploy import SAMPLE
from deploy.examples import examples
from deploy.explain import explain_file, explain_line
from shared.contracts.channel import Submitted
from shared.policy import load

HERE = load(SAMPLE)
FIELDS = {"category", "nature", "lead_kind", "assist_kinds", "mode", "urgency", "confidence", "because"}


def test_a_fault_is_explained_in_every_field() -> None:
    said = explain_line(
        {"id": "x", "text": "屋里暖气冰凉，才13度", "location": {"compound": "康乐小区"}}, HERE
    )
    assert said.keys() == FIELDS | {"duty"}
    assert said["duty"]["name"] == "暖河热力抢修值班"
    assert (said["category"], said["lead_kind"]) == ("heating.no_heat", "heating")
    assert (said["mode"], said["urgency"]) == ("whistle", "urgent")


def test_what_a_board_calls_its_subject_is_the_title_and_a_title_that_is_given_goes_first() -> None:
    aside = {"text": "物业费交了，垃圾也没人管"}

    assert explain_line(aside, HERE)["lead_kind"] == "property"
    assert explain_line(aside | {"subject": "暖气不热"}, HERE)["lead_kind"] == "heating"
    assert explain_line(aside | {"subject": "暖气不热" + "。" * 200}, HERE)["lead_kind"] == "heating"
    assert explain_line(aside | {"subject": "电梯坏了", "title": "暖气不热"}, HERE)["lead_kind"] == "heating"
    assert explain_line(aside | {"subject": ["暖气不热"]}, HERE)["lead_kind"] == "property"


def test_a_question_is_answered_at_once() -> None:
    said = explain_line({"text": "暖气费怎么在手机上交"}, HERE)
    assert said["mode"] == "answer"
    assert said["urgency"] == "normal"
    assert said["answer"]


def test_what_is_refused_says_why() -> None:
    assert explain_line({"text": "！！！"}, HERE)["not_accepted"]["reason_code"] == "no_content"


def test_an_unreadable_appeal_names_the_field() -> None:
    assert explain_line({"text": ""}, HERE)["errors"][0]["field"] == "text"
    assert explain_line({}, HERE)["errors"][0]["field"] == "text"


def test_a_file_is_explained_line_by_line(tmp_path: Path) -> None:
    source = tmp_path / "appeals.jsonl"
    source.write_text(
        '{"text": "停水两天了"}\n\nnot json\n[1]\nnull\n{"text": "电梯困人了"}\n', encoding="utf-8"
    )
    out = io.StringIO()
    unread = explain_file(source, out)
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert unread == 3
    assert [line.get("category") for line in said] == ["water.outage", None, None, None, "property.lift"]
    assert "停水" in out.getvalue()


def test_a_line_in_another_encoding_is_named_and_the_next_is_explained(tmp_path: Path) -> None:
    source = tmp_path / "appeals.jsonl"
    source.write_bytes('{"text": "停水两天了"}\n'.encode("gbk") + '{"text": "电梯困人了"}\n'.encode())
    out = io.StringIO()
    assert explain_file(source, out) == 1
    unread, read = (json.loads(line) for line in out.getvalue().splitlines())
    assert unread["errors"][0]["field"] == "line 1"
    assert "UTF-8" in unread["errors"][0]["problem"]
    assert read["category"] == "property.lift"


def test_the_examples_are_enough_valid_and_distinct() -> None:
    found = examples(HERE)
    assert len(found) >= 24
    places = set()
    for example in found:
        appeal = Submitted.model_validate(example["submitted"])
        assert appeal.location is not None
        said = explain_line(example["submitted"], HERE)
        assert said["mode"] != "answer"
        assert "not_accepted" not in said
        places.add((appeal.location.compound, said["category"]))
        agencies = [example["lead_agency"], *example["assist_agencies"]]
        assert len(set(agencies)) == len(agencies)
        for tenant_id, kind in [(example["team"], "team"), *((agency, "agency") for agency in agencies)]:
            tenant = HERE.tenants.get(tenant_id)
            assert tenant is not None
            assert tenant.kind == kind
    assert len(places) == len(found)


def test_urgent_heat_is_among_the_examples() -> None:
    said = [explain_line(example["submitted"], HERE) for example in examples(HERE)]
    assert any(one["category"] == "heating.no_heat" and one["urgency"] == "urgent" for one in said)
