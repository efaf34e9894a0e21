"""The guide for receivers of webhooks: what it says to do is enough to tell a genuine delivery from another."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from services.response.webhooks.domain.signature import new_secret, signed

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = ("webhooks.md", "webhooks.zh-CN.md")
BODY = '{"note": "暖气不热"}'.encode()


def snippet(guide: str, language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", (DOCS / guide).read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def tries() -> list[tuple[dict[str, str], bytes, str, bool]]:
    """Headers, body, the receiver's secret, whether it is genuine."""
    old, new, now = new_secret(), new_secret(), int(time.time())
    both = signed("m-1", now, BODY, [old, new])
    return [
        (both, BODY, old, True),
        (both, BODY, new, True),
        (both, BODY, new_secret(), False),
        (both, BODY + b" ", old, False),
        (both | {"webhook-id": "m-2"}, BODY, old, False),
        (both | {"webhook-timestamp": str(now + 1)}, BODY, old, False),
        (both | {"webhook-timestamp": "soon"}, BODY, old, False),
        (both | {"webhook-signature": "v1,"}, BODY, old, False),
        (signed("m-1", now - 600, BODY, [old]), BODY, old, False),
    ]


@pytest.mark.parametrize("guide", GUIDES)
def test_the_python_of_the_guide_verifies(guide: str) -> None:
    names: dict[str, Any] = {}
    exec(snippet(guide, "python"), names)

    for headers, body, secret, genuine in tries():
        assert names["genuine"](headers, body, secret) is genuine, headers


@pytest.mark.parametrize("guide", GUIDES)
def test_the_node_of_the_guide_verifies(guide: str) -> None:
    asked = [[headers, body.decode(), secret] for headers, body, secret, _ in tries()]
    program = snippet(guide, "javascript") + (
        f"const tries = {json.dumps(asked)};\n"
        "console.log(JSON.stringify(tries.map(([h, b, s]) => genuine(h, Buffer.from(b), s))));\n"
    )

    said = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True).stdout

    assert json.loads(said) == [genuine for *_, genuine in tries()]


def test_both_guides_say_the_same_code() -> None:
    """But for the words in comments."""
    for language, comment in (("python", r'""".*?"""'), ("javascript", r"//.*")):
        english, chinese = (re.sub(comment, "", snippet(guide, language)) for guide in GUIDES)
        assert english == chinese
