"""`nuanliu explain`: what the services would make of an appeal, without running them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, TextIO

import orjson
from pydantic import ValidationError

from deploy import SAMPLE
from services.intake.understand import understand
from services.routing.judge import judge
from shared.contracts.channel import MOST_TITLE, Submitted
from shared.policy import Jurisdiction, load
from shared.policy.responsibility import within

_FIELDS = frozenset(Submitted.model_fields)


def explain_line(line: dict[str, Any], jurisdiction: Jurisdiction) -> dict[str, Any]:
    """The judgement of one appeal {"text", "location"?} and the other fields of `submitted`; others are ignored, but a
    board's "subject" is its title.
    ``duty``: who is on duty for the leading kind at that place. An appeal that cannot be read gives
    {"errors": [{"field", "problem"}]}."""
    known = {key: value for key, value in line.items() if key in _FIELDS}
    if isinstance(line.get("subject"), str):
        known.setdefault("title", line["subject"][:MOST_TITLE])
    try:
        appeal = Submitted.model_validate(known)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        return {
            "errors": [
                {"field": ".".join(map(str, error["loc"])), "problem": error["msg"]} for error in errors
            ]
        }
    read = understand(appeal.said, appeal.nature, appeal.category, appeal.location, jurisdiction)
    judged = judge(
        read.category, read.nature, appeal.said, read.place, appeal.indoor_temperature, jurisdiction
    )
    said: dict[str, Any] = {
        "category": read.category,
        "nature": read.nature,
        "lead_kind": judged.lead_kind,
        "assist_kinds": list(judged.assist_kinds),
        "mode": "answer" if read.answer else judged.mode,
        "urgency": "normal" if read.answer else judged.urgency,
        "confidence": read.confidence,
        "because": f"{read.because}；{judged.because}",
    }
    if read.answer:
        said["because"] = f"{read.because}；咨询，直接答复"
        said["answer"] = read.answer
    tenants = jurisdiction.tenants
    responsible = jurisdiction.policy.responsibility
    if judged.lead_kind and (duty := responsible.on_duty(judged.lead_kind, within(read.place, tenants))):
        said["duty"] = {"name": duty.name, "phone": duty.phone}
    if read.not_accepted:
        said["not_accepted"] = {"reason_code": read.not_accepted[0], "reason": read.not_accepted[1]}
    return said


def explain_file(path: Path, out: TextIO, directory: Path = SAMPLE) -> int:
    """One JSON line per input line; blank lines are skipped. Returns the number of lines that could not be read."""
    jurisdiction = load(directory)
    gc.freeze()  # the pack stays: to look through it again and again costs a tenth of the time
    unread = 0
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            said = _explained(line, number, jurisdiction)
            unread += "errors" in said
            out.write(orjson.dumps(said).decode() + "\n")
    return unread


def _explained(line: str, number: int, jurisdiction: Jurisdiction) -> dict[str, Any]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        return {"errors": [{"field": f"line {number}", "problem": str(problem)}]}
    if not isinstance(asked, dict):
        return {"errors": [{"field": f"line {number}", "problem": "an object is expected"}]}
    return explain_line(asked, jurisdiction)
