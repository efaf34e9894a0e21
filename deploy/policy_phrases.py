"""What is wrong with the phrases of a pack, found before its models are built: each is named by its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.policy.phrases import TEMPERATURES, parts

Loc = tuple[str | int, ...]


def phrase_faults(content: Mapping[str, Any]) -> Iterator[tuple[Loc, str, bool]]:
    """(keys, what is wrong, whether it is an error) of every phrase of the rules: choices that are not there, phrases
    that can never hold, the same thing said twice."""
    tree = content.get("tree")
    signals = tree.get("signals") if isinstance(tree, dict) else None
    choices = signals.get("choices") if isinstance(signals, dict) else None
    if not isinstance(choices, dict):
        return
    known = {str(name): str(said) for name, said in choices.items()}
    written: list[str] = [*known.values()]
    for loc, phrases in _sets(content):
        seen: dict[object, str] = {}
        for key, phrase in phrases:
            written.append(phrase)
            try:
                wanted, absent = parts(phrase, known)
            except KeyError as missing:
                yield (*loc, key), f"没有这个词组 (no such choice): {missing}", True
                continue
            except ValueError:
                yield (*loc, key), f"有空的部分 (an empty part): {phrase!r}", True
                continue
            yield from (((*loc, key), what, error) for what, error in _wrong(phrase, wanted, absent))
            form = (tuple(map(frozenset, wanted)), frozenset(absent))
            if form in seen:
                yield (*loc, key), f"与 {seen[form]!r} 重复 (says the same again)", False
            seen.setdefault(form, phrase)
    for name in known:
        if not any(f"{{{name}}}" in phrase for phrase in written):
            yield ("tree", "signals", "choices", name), "没有短语用到 (no phrase uses it)", False


def _wrong(
    phrase: str, wanted: tuple[tuple[str, ...], ...], absent: tuple[str, ...]
) -> Iterator[tuple[str, bool]]:
    for part in wanted:
        if all(any(word in literal for word in absent) for literal in part):
            yield (
                f"永远不成立：要的词又不许出现 (can never hold: what it wants must not be there): {phrase!r}",
                True,
            )
        twice = sorted({literal for literal in part if part.count(literal) > 1})
        if twice and "{" not in phrase:
            yield f"写了两次 (said twice): {'|'.join(twice)}", False
        for literal in part:
            if literal.startswith("[") and literal not in TEMPERATURES:
                yield f"永远不成立：没有这个记号 (can never hold: no such mark): {literal}", True


def _sets(content: Mapping[str, Any]) -> Iterator[tuple[Loc, list[tuple[str | int, str]]]]:
    tree = content.get("tree") or {}
    for number, category in enumerate(_list(tree.get("categories"))):
        at: Loc = ("tree", "categories", number)
        for key in ("words", "urgent", "emergency"):
            yield (*at, key), _phrases(category.get(key))
        for mode, phrases in _mapping(category.get("modes")).items():
            yield (*at, "modes", mode), _phrases(phrases)
        for position, answer in enumerate(_list(category.get("answers"))):
            yield (*at, "answers", position, "when"), _phrases(answer.get("when"))
    for key, value in _mapping(tree.get("signals")).items():
        if key == "natures":
            for nature, phrases in _mapping(value).items():
                yield ("tree", "signals", key, nature), _phrases(phrases)
        elif key != "choices":
            yield ("tree", "signals", key), _phrases(value)
    for number, row in enumerate(_list(_mapping(content.get("responsibility")).get("rows"))):
        yield ("responsibility", "rows", number, "when"), _phrases(row.get("when"))


def _phrases(value: Any) -> list[tuple[str | int, str]]:
    if isinstance(value, dict):
        return [(str(phrase), str(phrase)) for phrase in value]
    return [(number, str(phrase)) for number, phrase in enumerate(value)] if isinstance(value, list) else []


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
