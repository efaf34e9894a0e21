"""A bulletin's model as a page, a workbook, a document. Every rendering shows the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any

import xlsxwriter
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from services.metrics.bulletin.tables import Column, Table, cell_text

FONT = "Noto Sans CJK SC"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

_STYLE = """
:root { --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --head: #9e2a2b; --bar: #d97757; --shade: #f6f3ef }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1120px; padding: 28px 24px; color: var(--ink); background: #fff;
  font: 15px/1.55 "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif }
h1 { margin: 0; color: var(--head); font-size: 26px; text-align: center; letter-spacing: 2px }
h2 { margin: 28px 0 8px; padding-left: 10px; border-left: 4px solid var(--head); font-size: 17px }
.meta { margin: 6px 0 14px; padding-bottom: 12px; border-bottom: 3px double var(--head); color: var(--soft);
  text-align: center }
.headline { padding: 14px 18px; background: var(--shade); font-size: 17px }
.wide { overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 5px 8px; border: 1px solid var(--line); text-align: left; vertical-align: top }
th { background: var(--shade); font-weight: 600 }
.number { text-align: right; white-space: nowrap }
table.narrow { width: auto; min-width: 420px }
td small { display: block; color: var(--soft) }
tr.sum td { font-weight: 600; background: #fcfbf9 }
.bar { display: inline-block; height: 10px; margin-right: 8px; background: var(--bar); vertical-align: middle }
.notes { margin-top: 26px; color: var(--soft); font-size: 13px }
@media print { @page { size: A4 landscape; margin: 12mm } body { max-width: none; padding: 0; font-size: 12px }
  h2, tr { break-inside: avoid } h2 { break-after: avoid } .wide { overflow: visible }
  th, .headline { print-color-adjust: exact } }
"""


def as_html(model: Mapping[str, Any]) -> str:
    """One self-contained page that also prints; everything in it is escaped."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in model["notes"])
    tables = "".join(_html_table(table) for table in model["tables"])
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_title(model))}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(model["title"])}</h1><p class="meta">{escape(_meta(model))}</p>'
        f'<p class="headline">{escape(model["headline"])}</p>{tables}<ul class="notes">{notes}</ul></body></html>\n'
    )


def _html_table(table: Table) -> str:
    heads = "".join(_html_head(column) for column in table["columns"])
    most = max((row[1] for row in table["rows"]), default=0) if table["id"] == "distribution" else 0
    rows = []
    for row in table["rows"]:
        cells = "".join(
            _html_cell(column, cell, most) for column, cell in zip(table["columns"], row, strict=True)
        )
        rows.append(f"<tr{_sum_class(row)}>{cells}</tr>")
    if not rows:
        rows.append(f'<tr><td colspan="{len(table["columns"])}">无</td></tr>')
    narrow = ' class="narrow"' if len(table["columns"]) < 4 and table["id"] != "indicators" else ""
    return (
        f'<section><h2>{escape(table["title"])}</h2><div class="wide"><table{narrow}>'
        f"<thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _html_head(column: Column) -> str:
    number = ' class="number"' if column["kind"] != "text" else ""
    return f'<th scope="col"{number}>{escape(column["title"])}</th>'


def _html_cell(column: Column, cell: Any, most: int) -> str:
    if column["kind"] == "text":
        return f"<td>{escape(cell_text(column, cell))}</td>"
    if column["kind"] == "ratio" and cell is not None:
        value = f"{cell['ratio']:.2%}" if cell["ratio"] is not None else "—"
        return f'<td class="number">{value}<small>{cell["numerator"]}/{cell["denominator"]}</small></td>'
    if most:
        bar = f'<span class="bar" style="width:{180 * cell / most:.0f}px"></span>'
        return f"<td>{bar}{cell}</td>"
    return f'<td class="number">{escape(cell_text(column, cell))}</td>'


def _sum_class(row: Sequence[Any]) -> str:
    return ' class="sum"' if "合计" in row[:2] else ""


def as_xlsx(model: Mapping[str, Any]) -> bytes:
    """A workbook: a sheet with the headline, then one per table; numbers are numbers, rates have both parts."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    plain = {"font_name": FONT, "font_size": 11, "valign": "top"}
    formats = {
        "text": book.add_format(plain | {"text_wrap": True}),
        "count": book.add_format(plain | {"num_format": "0"}),
        "ratio": book.add_format(plain | {"num_format": "0.00%"}),
        "points": book.add_format(plain | {"num_format": "+0.0;-0.0;0.0"}),
        "duration": book.add_format(plain | {"num_format": "[h]:mm:ss"}),
        "score": book.add_format(plain | {"num_format": "0.0"}),
        "head": book.add_format(
            plain | {"bold": True, "bg_color": "#F6F3EF", "border": 1, "text_wrap": True}
        ),
        "title": book.add_format(plain | {"bold": True, "font_size": 16, "font_color": "#9E2A2B"}),
    }
    first = book.add_worksheet("摘要")
    first.set_column(0, 0, 100)
    first.set_row(0, 26)
    first.write_string(0, 0, model["title"], formats["title"])
    first.set_landscape()
    first.set_paper(9)
    first.fit_to_pages(1, 0)
    for number, line in enumerate((_meta(model), model["headline"], *model["notes"]), 1):
        first.write_string(number, 0, line, formats["text"])
        first.set_row(number, 18 * (1 + _width(line) // 100))
    for table in model["tables"]:
        sheet = book.add_worksheet(table["title"].split("：")[0][:31])
        _xlsx_table(sheet, table, formats)
    book.close()
    return buffer.getvalue()


def _xlsx_table(sheet: Any, table: Table, formats: Mapping[str, Any]) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.freeze_panes(1, 0)
    at = 0
    for column, cells in zip(table["columns"], _columns(table), strict=True):
        kind = column["kind"]
        longest = max((_width(str(cell)) for cell in cells if kind == "text"), default=0)
        sheet.set_column(at, at, min(60, max(longest, _width(column["title"]), 7) + 2))
        sheet.write_string(0, at, column["title"], formats["head"])
        if kind == "ratio":
            sheet.write_string(0, at + 1, "分子", formats["head"])
            sheet.write_string(0, at + 2, "分母", formats["head"])
            sheet.set_column(at + 1, at + 2, 7)
        for row, cell in enumerate(cells, 1):
            if kind == "ratio" and cell is not None:
                sheet.write_number(row, at + 1, cell["numerator"], formats["count"])
                sheet.write_number(row, at + 2, cell["denominator"], formats["count"])
                cell = cell["ratio"]
            if cell is None:
                sheet.write_string(row, at, "—", formats["text"])
            elif kind == "text":
                sheet.write_string(row, at, str(cell), formats["text"])
            else:
                sheet.write_number(row, at, _xlsx_number(kind, cell), formats[kind])
        at += 3 if kind == "ratio" else 1


def _width(text: str) -> int:
    """How wide a text is in a sheet: Chinese letters take the room of two."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _xlsx_number(kind: str, cell: float) -> float:
    """Durations as parts of a day, differences of rates as percentage points."""
    return cell / 86_400 if kind == "duration" else cell * 100 if kind == "points" else cell


def _columns(table: Table) -> list[list[Any]]:
    return [[row[number] for row in table["rows"]] for number in range(len(table["columns"]))]


def as_docx(model: Mapping[str, Any]) -> bytes:
    """A document in landscape A4, to be edited and sent on."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(15)
    for name in ("Normal", "Title", "Heading 1"):
        style: Any = document.styles[name]
        style.font.name = FONT
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), FONT)
    document.styles["Normal"].font.size = Pt(9)
    document.add_heading(model["title"], level=0)
    document.add_paragraph(_meta(model))
    document.add_paragraph(model["headline"]).runs[0].bold = True
    for table in model["tables"]:
        document.add_heading(table["title"], level=1)
        grid = document.add_table(rows=1, cols=len(table["columns"]), style="Light Grid Accent 1")
        for cell, column in zip(grid.rows[0].cells, table["columns"], strict=True):
            cell.text = column["title"]
        for row in table["rows"]:
            for cell, column, value in zip(grid.add_row().cells, table["columns"], row, strict=True):
                cell.text = cell_text(column, value)
    for note in model["notes"]:
        document.add_paragraph(note)
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _title(model: Mapping[str, Any]) -> str:
    return f"{model['title']} {model['from']}"


def _meta(model: Mapping[str, Any]) -> str:
    period = model["from"] if model["from"] == model["to"] else f"{model['from']} 至 {model['to']}"
    return f"{period} · 数据截至 {model['as_of'][:16].replace('T', ' ')} · 政策 {model['policy']}"
