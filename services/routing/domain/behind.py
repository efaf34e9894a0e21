"""Who stands behind a case, whatever is heard of first: a count, and all ids folded into one number of constant size.

A count alone cannot tell who has gone: one that leaves before its coming was heard of would be taken for another. The
number can: what is folded in twice, coming and going in any order, is out of it again.
"""

from __future__ import annotations

from hashlib import blake2b

from services.routing.domain.case import C, CaseData

_BITS = 62
"""The database keeps whole numbers of 64 bits with a sign."""


def opened_by(appeal_id: str) -> int:
    """Only this one stands behind the case."""
    digest = blake2b(appeal_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _BITS)


def came(case: C, appeal_id: str, households: int) -> C:
    """The case with one appeal more behind it."""
    return _with(case, appeal_id, 1, households)


def went(case: C, appeal_id: str, households: int) -> C:
    """The case with one appeal less behind it."""
    return _with(case, appeal_id, -1, -households)


def nobody(case: CaseData) -> bool:
    """Everybody who came has gone again."""
    return case.appeals <= 0 and not case.behind


def short(case: CaseData) -> bool:
    """Somebody stands behind it whose coming was not heard of yet, for no other would be left."""
    return not nobody(case) and (case.appeals < 1 or case.households < 1)


def _with(case: C, appeal_id: str, appeals: int, households: int) -> C:
    behind = None if case.behind is None else case.behind ^ opened_by(appeal_id)
    return case.model_copy(
        update={
            "appeals": case.appeals + appeals,
            "households": case.households + households,
            "behind": behind,
        }
    )
