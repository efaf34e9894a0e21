"""The catalogue as one page to read, Chinese first, English beside: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from html import escape

from shared.catalogue import words
from shared.catalogue.outside import EVENTS, OUTSIDERS, Outsider
from shared.catalogue.schemas import Schema, schema
from shared.catalogue.vectors import vectors
from shared.contracts.base import CATALOGUE, Event, IngressEvent
from shared.contracts.streams import MAX_DATA_BYTES

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --tint: #f3f5f7; --paper: #fff;
  --link: #0757b0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b1; --line: #3a424b; --tint: #1c2229;
  --paper: #0f1318; --link: #79b8ff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif }
a { color: var(--link) }
h1, h2, h3 { line-height: 1.3 }
h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); padding-bottom: .3rem }
h3 { margin: 2.5rem 0 .3rem }
p { margin: .4rem 0 }
[lang=en] { color: var(--soft) }
code, pre { font-family: ui-monospace, "Noto Sans Mono CJK SC", "DejaVu Sans Mono", monospace; font-size: .9em;
  overflow-wrap: anywhere }
pre { background: var(--tint); border: 1px solid var(--line); padding: .8rem; overflow-x: auto;
  white-space: pre-wrap }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 }
caption { text-align: left; color: var(--soft) }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top }
thead th { background: var(--tint) }
tbody th { font-weight: normal; white-space: nowrap }
tbody th code { overflow-wrap: normal }
@media (max-width: 40rem) { table { font-size: .88rem } th, td { padding: .25rem .35rem }
  tbody th { white-space: normal } }
summary { cursor: pointer; color: var(--link) }
"""


@cache
def page(catalogue: str = CATALOGUE) -> str:
    """The whole page; links lead to what lies beside it under /docs/."""
    parts: dict[str, Schema] = {}
    for event in EVENTS:
        parts |= schema(event).get("$defs", {})
    return f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>暖流对外契约 · Nuanliu contracts</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>暖流对外契约 {_en("Nuanliu: the contracts outsiders meet")}</h1>
{_introduction(catalogue)}
<nav aria-label="目录 Contents">
<ul>
{_each(_contents(one) for one in OUTSIDERS)}
<li><a href="#parts">消息中的组成部分 {_en("Parts of messages")}</a></li>
</ul>
</nav>
</header>
<main>
{_each(_outsider(one, catalogue) for one in OUTSIDERS)}
<section aria-labelledby="parts">
<h2 id="parts">消息中的组成部分 {_en("Parts of messages")}</h2>
{_each(_part(name, part) for name, part in sorted(parts.items()))}
</section>
</main>
</body>
</html>
"""


def _introduction(catalogue: str) -> str:
    facts = (
        (
            "消息为 CloudEvents 1.0，经 NATS JetStream 传送，二进制或结构化模式均可；数据为 UTF-8 的 JSON，"
            f"不超过 {MAX_DATA_BYTES:,} 字节。",
            "Messages are CloudEvents 1.0 over NATS JetStream, in binary or structured mode; data are JSON in UTF-8, "
            f"at most {MAX_DATA_BYTES:,} bytes.",
        ),
        (
            "您发来的消息按字段严格核对：不认识的字段会被拒绝并说明。我们发出的消息今后可能增加字段，请忽略不认识的。",
            "What you say is read strictly: a field nobody knows is refused by name. What you hear may gain fields: "
            "ignore those you do not know.",
        ),
        (
            "时间为带时区的 RFC 3339；温度为摄氏度。主题中的 {tenant} 是您自己的编号。",
            "Times are RFC 3339 with an offset, temperatures degrees Celsius. {tenant} in a subject is your own id.",
        ),
    )
    said = _each(f"<p>{escape(zh)} {_en(en)}</p>" for zh, en in facts)
    return (
        f'{said}\n<p>机读 {_en("For programs")}: <a href="contracts/asyncapi.json">AsyncAPI 3.0</a>'
        f" · ce-dataschema <code>{escape(catalogue)}/…</code></p>"
    )


def _contents(one: Outsider) -> str:
    zh, en = words.OUTSIDERS[one.kind]
    events = " · ".join(
        f'<a href="#{event.type}">{words.title(event).name} {_en(event.type.split(".")[2])}</a>'
        for event in (*one.says, *one.hears)
    )
    return f'<li><a href="#{one.kind}">{zh} {_en(en)}</a>: {events}</li>'


def _outsider(one: Outsider, catalogue: str) -> str:
    zh, en = words.OUTSIDERS[one.kind]
    rows = _each(
        f'<tr><th scope="row"><a href="#{event.type}">{words.title(event).name}</a></th>'
        f"<td>{_direction(event)}</td><td><code>{escape(event.pattern)}</code></td></tr>"
        for event in (*one.says, *one.hears)
    )
    return f"""<section aria-labelledby="{one.kind}">
<h2 id="{one.kind}">{zh} {_en(en)}</h2>
<p>您听的流 {_en("You hear on stream")} <code>{one.stream}</code></p>
{_table(f"{zh} {en}", ("消息 message", "方向 direction", "主题 subject"), rows)}
{_each(_event(event, catalogue) for event in (*one.says, *one.hears))}
</section>"""


def _event(event: type[Event], catalogue: str) -> str:
    title, whole = words.title(event), schema(event)
    example = next(one for one in vectors(event, catalogue)["taken"] if one["name"] == "full")
    headers = "\n".join(f"{name}: {value}" for name, value in example["binary"]["headers"].items())
    data = json.dumps(example["data"], ensure_ascii=False, indent=2)
    return f"""<article aria-labelledby="{event.type}">
<h3 id="{event.type}">{title.name} <code>{event.type}</code></h3>
<p>{escape(title.zh)} {_en(title.en)}</p>
<p>{_direction(event)} <code>{escape(event.pattern)}</code> ·
<a href="schemas/{event.type}.json">JSON Schema</a> ·
<a href="vectors/{event.type}.json">测试样例 {_en("test vectors")}</a></p>
{_fields(title.name, whole)}
<details><summary>示例 Example</summary>
<pre><code>{escape(example["binary"]["subject"])}
{escape(headers)}

{escape(data)}</code></pre></details>
</article>"""


def _part(name: str, part: Schema) -> str:
    chinese, _, english = part["description"].partition(" / ")
    return f"""<article aria-labelledby="part-{name}">
<h3 id="part-{name}">{escape(part["title"])}</h3>
<p>{escape(chinese)} {_en(english)}</p>
{_fields(part["title"], part)}
</article>"""


def _direction(event: type[Event]) -> str:
    said = issubclass(event, IngressEvent)
    return f"您说 {_en('you say')}" if said else f"您听到 {_en('you hear')}"


def _fields(caption: str, whole: Schema) -> str:
    required = whole.get("required", ())
    rows = _each(
        f'<tr><th scope="row"><code>{name}</code></th><td>{_meaning(field)}</td><td>{_kind(field)}</td>'
        f"<td>{'必填 ' + _en('required') if name in required else '可省 ' + _en('optional')}</td></tr>"
        for name, field in whole["properties"].items()
    )
    table = _table(caption, ("字段 field", "含义 meaning", "类型 type", "必填 required"), rows)
    one_of = [name for way in whole.get("anyOf", ()) for name in way["required"]]
    if not one_of:
        return table
    names = ", ".join(f"<code>{name}</code>" for name in one_of)
    return f"{table}\n<p>至少一项 {_en('at least one of')}: {names}</p>"


def _meaning(field: Schema) -> str:
    chinese, _, english = field["description"].partition(" / ")
    return f"{escape(chinese)} {_en(english)}"


def _kind(field: Schema) -> str:
    if "anyOf" in field:
        field = next(way for way in field["anyOf"] if way != {"type": "null"})
    if "$ref" in field:
        name = field["$ref"].removeprefix("#/$defs/")
        return f'<a href="#part-{name}">{name}</a>'
    if "enum" in field:
        return ", ".join(f"<code>{value}</code>" for value in field["enum"])
    if field["type"] == "array":
        most = (
            f"，至多 {field['maxItems']} 项 {_en('at most ' + str(field['maxItems']))}"
            if "maxItems" in field
            else ""
        )
        return f"列表 {_en('list of')} {_kind(field['items'])}{most}"
    if field.get("format") == "date-time":
        return f"时间 {_en('time')}"
    return _KINDS[field["type"]](field)


def _text(field: Schema) -> str:
    limits = _range(field.get("minLength"), field.get("maxLength"))
    shape = f" <code>{escape(field['pattern'])}</code>" if "pattern" in field else ""
    if field.get("pattern") == r"\S":
        shape = f"，不可空白 {_en('not blank')}"
    return f"文本 {_en('text')}{f' {limits} 字 ' + _en('characters') if limits else ''}{shape}"


def _number(field: Schema) -> str:
    limits = _range(field.get("minimum"), field.get("maximum"))
    whole = field["type"] == "integer"
    return (
        f"{'整数' if whole else '数'} {_en('integer' if whole else 'number')}{' ' + limits if limits else ''}"
    )


_KINDS: dict[str, Callable[[Schema], str]] = {
    "string": _text,
    "number": _number,
    "integer": _number,
    "boolean": lambda _: "<code>true</code>, <code>false</code>",
}


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return f"≥ {least:g}" if least is not None else ""
    return f"{least:g}…{most:g}" if least is not None else f"≤ {most:g}"


def _table(caption: str, heads: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{zh} {_en(en)}</th>' for zh, en in (one.split(" ") for one in heads))
    return f"""<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></div>"""


def _en(text: str) -> str:
    return f'<span lang="en">{escape(text)}</span>'


def _each(pieces: Iterable[str]) -> str:
    return "\n".join(pieces)
