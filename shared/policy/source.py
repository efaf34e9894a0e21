"""The YAML files of a pack, read so that every value knows the line on which it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.policy.model import PolicyError, Problem

M = TypeVar("M", bound=BaseModel)
Loc = Iterable[int | str]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR = "tag:yaml.org,2002:str"

_ZH = {
    "extra_forbidden": "没有这个键",
    "missing": "缺少",
    "literal_error": "不是允许的值",
    "string_pattern_mismatch": "写法不对",
    "string_type": "应为文字",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "bool_parsing": "应为 true 或 false",
    "too_short": "太少",
    "too_long": "太多",
    "string_too_short": "太短",
    "string_too_long": "太长",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "tuple_type": "应为列表",
    "dict_type": "应为键值",
    "model_type": "应为键值",
}


class Source:
    """A mapping put together from one or more files."""

    def __init__(self, node: yaml.MappingNode) -> None:
        self.node = node

    @classmethod
    def read(cls, path: Path) -> Source:
        """One file. Raises PolicyError with the line where it cannot be read, is no mapping, says a key twice or has
        what looks like a date or a number and is none."""
        try:
            with path.open(encoding="utf-8") as file:
                node = yaml.compose(file, Loader=_Loader)
        except OSError as problem:
            raise PolicyError(str(path), [problem.strerror or "cannot be read"]) from None
        except UnicodeDecodeError as problem:
            raise PolicyError(str(path), [f"不是 UTF-8 (not UTF-8): {problem.reason}"]) from None
        except yaml.YAMLError as problem:
            mark = getattr(problem, "problem_mark", None)
            what = getattr(problem, "problem", None) or " ".join(str(problem).split())
            line = mark.line + 1 if mark else 0
            raise PolicyError(
                str(path), [Problem(str(path), line, "", f"YAML 写法不对 (not YAML): {what}")]
            ) from None
        if not isinstance(node, yaml.MappingNode):
            raise PolicyError(str(path), ["应为键值 (a mapping is expected)"])
        if wrong := [*_said_twice(node, str(path)), *_no_values(node, str(path))]:
            raise PolicyError(str(path), wrong)
        return cls(node)

    @classmethod
    def of(cls, **parts: Source) -> Source:
        """Several sources as one, each under a key."""
        pairs = [(yaml.ScalarNode(_STR, key), source.node) for key, source in parts.items()]
        first = next(iter(parts.values())).node
        return cls(yaml.MappingNode("tag:yaml.org,2002:map", pairs, first.start_mark, first.end_mark))

    def __or__(self, other: Source) -> Source:
        """The keys of both; those of the other hold. What is wrong with the whole is told where this one begins."""
        both = _over(self.node, other.node, deep=0)
        return Source(yaml.MappingNode(both.tag, both.value, self.node.start_mark, self.node.end_mark))

    def under(self, own: Source) -> Source:
        """Own entries over these: a mapping within is added to, everything else replaced; categories are told apart
        by their code, and of one that is known only the keys that are given are replaced."""
        return Source(_over(self.node, own.node, deep=1))

    def content(self) -> dict[str, Any]:
        """The plain values."""
        loader = _Loader("")
        try:
            found: dict[str, Any] = loader.construct_document(self.node)
            return found
        finally:
            loader.dispose()

    def problem(self, loc: Loc, what: str) -> Problem:
        """A problem with the value at these keys and numbers, or with what stands nearest above it."""
        steps = list(loc)
        file, line = self._where(steps)
        return Problem(file, line, ".".join(map(str, steps)), what)

    def checked(self, model: type[M], file: str, **known: object) -> M:
        """The content, and what is known besides, as a model. Raises PolicyError with everything that is wrong."""
        try:
            return model.model_validate(self.content() | known)
        except yaml.YAMLError as problem:
            raise PolicyError(file, [" ".join(str(problem).split())]) from None
        except ValidationError as problem:
            raise PolicyError(
                file,
                [
                    self.problem(*self._pointed(error["loc"], _said(error["type"], error["msg"])))
                    for error in problem.errors(include_url=False)
                ],
            ) from None

    def _pointed(self, loc: Loc, what: str) -> tuple[Loc, str]:
        """A check of the whole says itself which key it is about: "key: what is wrong"."""
        key, colon, rest = what.partition(": ")
        known = {name.value for name, _ in self.node.value}
        return ((key,), rest) if not loc and colon and key in known else (loc, what)

    def _where(self, loc: Loc) -> tuple[str, int]:
        node: yaml.Node = self.node
        mark = node.start_mark
        for step in loc:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if found is None:
                    continue
                mark = found[0].start_mark or found[1].start_mark
                node = found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.start_mark
        return mark.name, mark.line + 1


def _said(kind: str, message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{_ZH[kind]} ({message})" if kind in _ZH else message


def _said_twice(node: yaml.Node, file: str, above: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Keys that one mapping says twice: YAML would quietly take the last."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _said_twice(item, file, (*above, str(number)))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*above, str(key.value))
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                yield Problem(file, line, ".".join(here), "写了两次 (said twice)")
            seen.add(str(key.value))
            yield from _said_twice(value, file, here)


def _no_values(node: yaml.Node, file: str, above: tuple[str, ...] = ()) -> Iterator[Problem]:
    """What YAML takes for a date or a number by its looks and cannot read: 30 February."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _no_values(item, file, (*above, str(number)))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _no_values(key, file, above)
            yield from _no_values(value, file, (*above, str(key.value)))
    if isinstance(node, yaml.ScalarNode) and node.tag != _STR:
        try:
            yaml.SafeLoader("").construct_document(node)
        except (ValueError, LookupError, AttributeError, yaml.YAMLError):  # its constructors raise what comes
            line = node.start_mark.line + 1
            yield Problem(file, line, ".".join(above), f"写法不对 (cannot be read): {node.value!r}")


def _over(base: yaml.MappingNode, own: yaml.MappingNode, deep: int) -> yaml.MappingNode:
    """A mapping with another's entries over its own; mappings within are put together as ``deep`` as that."""
    found = {key.value: (key, value) for key, value in base.value}
    for key, value in own.value:
        below = found[key.value][1] if key.value in found else None
        if deep and isinstance(below, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
            value = _over(below, value, deep - 1)
        elif deep and isinstance(below, yaml.SequenceNode) and _code(below) and _code(value):
            value = _by_code(below, value)
        found[key.value] = (key, value)
    return yaml.MappingNode(base.tag, list(found.values()), own.start_mark, own.end_mark)


def _by_code(base: yaml.SequenceNode, own: yaml.SequenceNode) -> yaml.SequenceNode:
    found = {_code_of(item): item for item in base.value}
    for item in own.value:
        below = found.get(_code_of(item))
        found[_code_of(item)] = item if below is None else _over(below, item, deep=0)
    return yaml.SequenceNode(base.tag, list(found.values()), own.start_mark, own.end_mark)


def _code(node: yaml.Node) -> bool:
    """Whether a node is a list of things with a code."""
    return isinstance(node, yaml.SequenceNode) and bool(node.value) and all(map(_code_of, node.value))


def _code_of(node: yaml.Node) -> str:
    if not isinstance(node, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in node.value if key.value == "code"), "")
