"""`nuanliu explain`: what would become of an appeal, line by line, without a running stack."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from deploy import SAMPLE
from deploy.examples import examples
from shared.policy import load
from tests.e2e.running import ROOT, nuanliu

MODES = {"self", "joint", "whistle", "taskforce", "answer"}
NATURES = {"consultation", "help", "complaint", "report_of_wrongdoing", "suggestion", "praise"}


def explained(directory: Path, *lines: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and what was said of each line."""
    file = directory / "asked.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        nuanliu("explain", str(file)), cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_every_line_is_judged_in_its_place(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {key: example["submitted"][key] for key in ("text", "location")} for example in examples(load(SAMPLE))
    ]
    asked.append({"text": "请问暖气费可以在手机上交吗"})

    status, said = explained(tmp_path, *(json.dumps(one, ensure_ascii=False) for one in asked))

    assert status == 0
    assert len(said) == len(asked)
    for line in said:
        assert line["category"]
        assert line["nature"] in NATURES
        assert line["lead_kind"]
        assert isinstance(line["assist_kinds"], list)
        assert line["lead_kind"] not in line["assist_kinds"]
        assert line["mode"] in MODES
        assert line["urgency"] in {"emergency", "urgent", "normal"}
        assert 0 <= line["confidence"] <= 1
        assert line["because"]
    assert (said[0]["lead_kind"], said[0]["category"].split(".")[0]) == ("heating", "heating")
    assert (said[-1]["nature"], said[-1]["mode"]) == ("consultation", "answer")
    assert {line["mode"] for line in said[:-1]} & MODES - {"answer"}


def test_a_line_that_cannot_be_read_is_answered_in_its_place(tmp_path: Path) -> None:
    status, said = explained(
        tmp_path, '{"text": "暖气不热"}', "not json", '{"location": {}}', '{"text": "停水了"}'
    )

    assert status == 1
    assert [("errors" in line) for line in said] == [False, True, True, False]
    assert said[2]["errors"][0]["field"] == "text"


def test_a_file_that_is_not_there_ends_it(tmp_path: Path) -> None:
    command = nuanliu("explain", str(tmp_path / "nothing.jsonl"))
    wide = os.environ | {"COLUMNS": "500"}
    done = subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, check=False, timeout=60)

    assert done.returncode == 2
    assert b"nothing.jsonl" in done.stderr
