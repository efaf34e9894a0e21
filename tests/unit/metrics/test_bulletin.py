"""The bulletin: what agencies claim beside what residents say, never a rate without its parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import orjson
import pytest
from docx import Document

from services.metrics.bulletin.model import Figures, Period, bulletin, bulletin_text
from services.metrics.bulletin.render import as_docx, as_html, as_xlsx
from services.metrics.domain.facts import Fact
from shared.contracts.revisit import VerificationFailed, VerificationHeld
from tests.support.facts import HEATING, PROPERTY, SAMPLE, Story, cells, hours

WEEK = Period.around("weekly", date(2026, 11, 18))


def model(*facts: Fact, period: Period = WEEK) -> dict[str, Any]:
    found = cells(*facts)
    return bulletin(period, Figures(found, found, found, hours(100)), SAMPLE)


def held(number: int, lead: str = HEATING) -> Fact:
    return Story(f"{lead}-{number}", lead=lead).done().verified(VerificationHeld).closed(31).fact


def failed(number: int) -> Fact:
    story = Story(f"failed-{number}").done().verified(VerificationFailed, celsius=(14,)).rework()
    return story.revisit_overdue(40, 49).fact


def table(found: dict[str, Any], id: str) -> Any:
    return next(one for one in found["tables"] if one["id"] == id)


def row(found: dict[str, Any], id: str, first: str) -> Sequence[str]:
    title = table(found, id)["title"]
    rows = next(rows for name, _, rows in bulletin_text(found) if name == title)
    return next(cells for cells in rows if first in cells[:2])


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ("daily", "2026-11-18", "2026-11-18"),
        ("weekly", "2026-11-16", "2026-11-22"),
        ("monthly", "2026-11-01", "2026-11-30"),
    ],
)
def test_any_day_names_its_period(kind: Any, first: str, last: str) -> None:
    period = Period.around(kind, date(2026, 11, 18))

    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)


def test_what_was_claimed_stands_beside_what_residents_said() -> None:
    found = model(*(held(n) for n in range(6)), *(failed(n) for n in range(2)))

    assert [column["title"] for column in table(found, "agencies")["columns"]][2:6] == [
        "办结率",
        "解决率",
        "满意率",
        "办结率−解决率",
    ]
    claimed, solved, content, gap = row(found, "agencies", "暖河热力有限公司")[2:6]
    assert (claimed, solved, content, gap) == ("100.00% (8/8)", "75.00% (6/8)", "75.00% (6/8)", "+25.0")


def test_an_agency_under_the_minimum_sample_is_shown_but_not_ranked() -> None:
    """One good case of one agency does not beat five of another with one failure."""
    found = model(*(held(n) for n in range(5)), failed(1), held(1, lead=PROPERTY))

    ranks = {one["agency"]: one["rank"] for one in found["agencies"]}
    assert ranks == {HEATING: 1, PROPERTY: None}
    assert [one["agency"] for one in found["agencies"]] == [HEATING, PROPERTY]
    assert row(found, "agencies", "安居物业")[0] == "样本不足"


def test_an_empty_week_has_no_rates_at_all() -> None:
    found = model()

    assert all(one["ratio"] is None for one in found["indicators"].values())
    assert row(found, "indicators", "解决率")[1] == "— (0/0)"
    assert found["headline"] == "本周共接诉求0件，立案0件，结案0件。"


def test_the_headline_says_the_gap() -> None:
    found = model(*(held(n) for n in range(6)), *(failed(n) for n in range(2)))

    assert "比办结率低25.0个百分点" in found["headline"]
    assert "两率差距最大的是暖河热力有限公司（25.0个百分点）" in found["headline"]


def test_cold_flats_are_counted_by_band_and_not_only_as_a_rate() -> None:
    found = model(failed(1), Story("w").done().verified(VerificationHeld, celsius=(18, 21.5)).fact)

    assert row(found, "distribution", "14–16 ℃")[1:] == ["1", "低于标准"]
    assert row(found, "distribution", "18–20 ℃")[1:] == ["1", ""]
    assert row(found, "temperatures", "金桥街道")[1] == "66.67% (2/3)"


@pytest.mark.parametrize(
    ("excuse", "listed"), [("arrears", "欠费"), ("户主.自拆$暖气", "其他"), (None, "其他")]
)
def test_excused_readings_are_listed_with_reason_and_approver(excuse: str | None, listed: str) -> None:
    excused = Story().done().verified(VerificationHeld, celsius=(19,)).fact
    (seen,) = excused.rounds[0].verifications
    rounds = (
        excused.rounds[0].model_copy(
            update={"verifications": (seen.model_copy(update={"excused": 2, "excuse": excuse}),)}
        ),
    )

    found = model(excused.model_copy(update={"rounds": rounds}))

    assert row(found, "exclusions", listed) == [listed, "2", f"政策 {SAMPLE.policy.label}"]


def test_open_cases_are_told_by_state_and_at_the_end_of_the_period() -> None:
    found = model(held(1), Story("o").done().fact, Story("r").registered().fact)

    assert row(found, "open_cases", "已办结待回访")[1] == "1"
    assert row(found, "open_cases", "待派遣")[1] == "1"
    assert row(found, "open_cases", "未结案（期末）")[1] == "2"


def test_a_model_read_back_from_json_gives_the_same_text() -> None:
    found = model(held(1), failed(2))

    assert bulletin_text(orjson.loads(orjson.dumps(found))) == bulletin_text(found)


def test_the_page_is_whole_and_escapes_everything() -> None:
    found = model(held(1)) | {"headline": "<script>alert(1)</script>"}

    page = as_html(found)

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert 'lang="zh-CN"' in page


def test_a_workbook_holds_numbers_and_no_formula() -> None:
    book = ZipFile(BytesIO(as_xlsx(model(held(1)) | {"headline": "=cmd()"})))

    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 10
    assert not any("<f>" in sheet for sheet in sheets)


def test_a_document_shows_the_same_tables() -> None:
    found = model(held(1))

    document = Document(BytesIO(as_docx(found)))

    assert [[c.text for c in t.rows[0].cells] for t in document.tables] == [
        h for _, h, _ in bulletin_text(found)
    ]
