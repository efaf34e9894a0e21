"""Places that a text names and no gazetteer has to know: told by how such names end.

Where a name begins cannot be told from running text, so what is kept of it is the end word and the two letters before
it: "住在泉塘小区" and "泉塘小区三期" name the same. That is enough to see that two texts name nothing in common, and
not enough to find anything: for that there is the gazetteer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.policy.phrases import plain

_AREAS = "市 区 县 街道 镇 乡"
_SPOTS = (
    "村 社区 小区 花园 家园 嘉园 佳园 花苑 嘉苑 佳苑 雅苑 名苑 公寓 公馆 新村 花城 新城 星城 名邸 华府 华庭 雅居 国际 "
    "广场 大厦 大道 路 街 巷 桥 学校 小学 中学 医院 幼儿园"
)
_NO_NAME = (
    "的了着在到于是有为和与及或对从向往由将被把让给我你他她它们您咱本该此这那各每某全整几个条段座处些所其并都也不没未"
    "无又还就才只要能可会想请求望"
)
"""Letters that stand before an end word without making a name of it (我们小区, 这条路)."""
_NO_END = r"(?![民场])(?<![公道马铁]路)(?<!农村)"
"""Where an end word is part of another (市民, 市场) or of a common one (公路, 农村)."""

_LETTER = rf"[^\W\d_a-z{_NO_NAME}]"
_ENDS = "|".join(sorted(f"{_SPOTS} {_AREAS}".split(), key=len, reverse=True))
_NAME = re.compile(rf"(?:[a-z]+\d*|\d*{_LETTER}{{2}})({_ENDS}){_NO_END}")


class Named(NamedTuple):
    """The ends of the names of places in a text: ``areas`` as wide as a town or wider; ``spots``, where one stands."""

    areas: frozenset[str]
    spots: frozenset[str]


def named_in(text: str) -> Named:
    """What a text names by its words alone."""
    found = {name[0]: name[1] for name in _NAME.finditer(plain(text))}
    areas = frozenset(name for name, end in found.items() if end in _AREAS.split())
    return Named(areas, frozenset(found) - areas)
