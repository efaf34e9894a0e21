"""How alike two texts are in their wording, whatever they are about and wherever that is."""

from __future__ import annotations

from itertools import pairwise

from shared.policy.phrases import plain


def letters(text: str, most: int | None = None) -> str:
    """The letters and figures of a text in one form, without blanks and marks; the first ``most`` of them."""
    return "".join(filter(str.isalnum, plain(text)))[:most]


def shingles(text: str) -> frozenset[str]:
    """The pairs of letters that follow one another in a text: what its wording is compared by."""
    return frozenset(map("".join, pairwise(letters(text))))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """0 to 1: of all the shingles of two texts, the share that both have (Jaccard). Two texts of which nothing can be
    compared are not alike."""
    both = len(one & other)
    either = len(one) + len(other) - both
    return both / either if either else 0.0


def may_reach(least: float, one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two texts can be alike by ``least`` (more than 0) at all, told from their lengths alone."""
    shorter, longer = sorted((len(one), len(other)))
    return longer > 0 and shorter / longer >= least
