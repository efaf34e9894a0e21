"""The entry of the command line: `explain` starts alone, everything else as before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import command

HEAVY = ("deploy.local", "deploy.registry", "openpyxl", "motor", "nats", "numpy", "shapely", "holidays")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from deploy.command import main\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_explain_waits_for_nothing_that_only_other_commands_need(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"text": "暖气不热"}\n', encoding="utf-8")

    done = run("explain", str(file))

    assert done.returncode == 0
    assert json.loads(done.stdout)["lead_kind"] == "heating"
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_pack_that_cannot_be_used_ends_it_with_one_message(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"text": "暖气不热"}\n', encoding="utf-8")

    done = run("explain", str(file), "--policy", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("nuanliu: ")
    assert "Traceback" not in done.stderr


def test_every_other_command_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nuanliu", "--help"])

    with pytest.raises(SystemExit) as ended:
        command.main()

    assert ended.value.code == 0
    assert {"explain", "up", "tenant", "policy"} <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_directory_that_cannot_be_one_ends_it_with_one_message(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file"
    file.touch()

    done = run(command, "--dir", str(file / "stack"))

    assert done.returncode == 1
    assert done.stderr.startswith(f"nuanliu: {file / 'stack'}: ")
    assert "Traceback" not in done.stderr
