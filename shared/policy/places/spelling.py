"""How names are spelled by those who registered them and by residents: one form to compare them in."""

from __future__ import annotations

import re
from functools import lru_cache

from shared.policy.phrases import plain

_LETTERS = re.compile(r"[^\W_]+")
_SUFFIX = re.compile(r"(?<=..)(住宅小区|居民小区|生活小区|小区|家属院|家属楼)$")
_PHASE = re.compile(r"(第?\d+期|[a-z东西南北中]区|[东西南北]院)")
_PART_AT_END = re.compile(rf"(?<=..){_PHASE.pattern}$")
_DOOR = re.compile(r"(?<=..)[a-z]?\d+(?:号楼|号院|单元|号|栋|幢|座|楼|室|$).*$")
_NUMBER = re.compile(r"[a-z]?\d+")
_DIGITS = dict(zip("零〇一二两三四五六七八九", "001223456789", strict=True))
_TENS = re.compile(r"([1-9]?)十(\d?)")

SOUNDS = (
    "锦金晋津今 绣秀 花华画 园圆苑宛院原源缘元远 家佳嘉加 景井静境 城成程诚 湾弯 府福富阜 河和合荷禾贺 湖胡虎 "
    "桥乔侨 辉晖惠汇慧卉会 阳杨洋扬 光广 雅亚 居聚菊 御玉誉裕育 兰蓝岚澜 翠脆 竹珠烛 明名鸣茗铭 杏幸星兴新心馨欣鑫信 "
    "清青卿 风枫丰峰凤锋 丽利莉力 书舒 香湘祥翔 碧壁璧 月悦越 龙隆 北贝 辰晨宸 瑞锐 庵安 泰太 厦夏 庭亭廷 世仕士市 "
    "盛圣 凯恺 旋璇 公宫 东冬 红洪鸿宏虹弘 纺仿 文雯 大达 建健 瀚汉翰 林琳霖临 尚上 盈营 枝芝 美梅 怡宜颐 紫子梓 恒衡 "
    "中钟 郑政正 融荣蓉 溪西熙曦 桂贵 柏白百 电店 鼎顶"
)
"""Letters of compounds' names that an input method offers for one sound, or that look alike (苑, 宛); a group to a
word. A letter counts in the first group it stands in; further letters only make more slips known."""

_SOUND = {letter: group[0] for group in reversed(SOUNDS.split()) for letter in group if letter != group[0]}
_LIKE_ANOTHER = re.compile(f"[{''.join(_SOUND)}]")


@lru_cache(maxsize=256)
def normalise(name: str) -> str:
    """A name as residents may spell it: one width, lower case, no blanks or marks, Arabic numbers (十二 is 12)."""
    letters = "".join(_LETTERS.findall(plain(name)))
    for written, digit in _DIGITS.items():
        letters = letters.replace(written, digit)
    return _TENS.sub(_tens, letters) if "十" in letters else letters


def _tens(written: re.Match[str]) -> str:
    return (written[1] or "1") + (written[2] or "0")


def bare(name: str) -> str:
    """A normalised name without the words that residents add or leave out (小区, 家属院 ...)."""
    return _SUFFIX.sub("", normalise(name))


def without_part(spelled: str) -> str:
    """A bare name without the part of the compound (1期, a区, 东院) at its end; unchanged where none is named."""
    return _SUFFIX.sub("", _PART_AT_END.sub("", spelled))


def part_follows(spelled: str, end: int) -> bool:
    """Whether a part of the compound is named right after a position of a normalised text."""
    return bool(_PHASE.match(spelled, end))


def without_door(spelled: str) -> str:
    """A normalised name without building, entrance and room behind it ("金秀花园3号楼" and "金秀花园3#楼")."""
    return _DOOR.sub("", spelled)


def sound(spelled: str) -> str:
    """A normalised name or text in which letters of one sound are one letter; as long as what was given."""
    return _LIKE_ANOTHER.sub(lambda found: _SOUND[found[0]], spelled)


def number(written: str | None) -> str:
    """The number in "3号楼" or "二单元"; empty if there is none."""
    found = _NUMBER.search(normalise(written or ""))
    return found[0] if found else ""
