"""Who stands behind a case and from where, whatever is heard of first: counts, and all ids folded into one number of
constant size.

Counts are differences: one more for each that came, one less for each that withdrew or left, also of a closed case,
which may be open again. They alone cannot tell who has gone: one that leaves before its coming was heard of would be
taken for another. The number can: what is folded in twice, coming and going in any order, is out of it again.
"""

from __future__ import annotations

from hashlib import blake2b

from services.routing.domain.case import MOST_COMPOUNDS, C, CaseData, Closed
from services.routing.domain.case_parts import AtPlace
from shared.contracts.intake import AppealLeft, AppealMerged, AppealWithdrawn
from shared.contracts.values import Place
from shared.loop.decision import NotYet
from shared.policy import Jurisdiction

_BITS = 62
"""The database keeps whole numbers of 64 bits with a sign."""


def opened_by(appeal_id: str) -> int:
    """Only this one stands behind the case."""
    digest = blake2b(appeal_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _BITS)


def home(case: CaseData, place: Place, jurisdiction: Jurisdiction) -> str:
    """The code of where an appeal counts: its compound, and where the case is if nobody knows more than that it is the
    same. A code that the registry does not have (any more) is taken for a compound's."""
    return place.code if names_a_compound(place, jurisdiction) else case.place.code


def names_a_compound(place: Place, jurisdiction: Jurisdiction) -> bool:
    places = jurisdiction.places
    wider = places.place(place.code) is not None and places.compound(place.code) is None
    return place.known and not wider


def came(case: C, appeal: AppealMerged, jurisdiction: Jurisdiction) -> C:
    """The case with one appeal more behind it."""
    case = _at(case, appeal.place, 1, jurisdiction)
    return _with(case, appeal.appeal_id, 1, appeal.households, int(appeal.key_household))


def went(case: C, gone: AppealWithdrawn | AppealLeft, jurisdiction: Jurisdiction) -> C:
    """The case with one appeal less behind it. Raises NotYet where that overtakes its coming to an open case, lest it
    be taken for another's."""
    if gone.place is not None:
        case = _at(case, gone.place, -1, jurisdiction)
    case = _with(case, gone.appeal_id, -1, -gone.households, -int(gone.key_household))
    if case.first_appeal == gone.appeal_id:
        case = case.model_copy(update={"first_appeal": None})
    if isinstance(case, Closed):
        return case
    if case.behind is None:
        counts = {"appeals": max(0, case.appeals), "households": max(0, case.households)}
        return case.model_copy(update=counts)
    if _short(case):
        raise NotYet("appeal_id", "it has not joined the case yet")
    return case


def nobody(case: CaseData) -> bool:
    """Everybody who came has gone again."""
    return case.appeals <= 0 and not case.behind


def _short(case: CaseData) -> bool:
    """Somebody stands behind it whose coming was not heard of yet, for no other would be left."""
    return not nobody(case) and (case.appeals < 1 or case.households < 1)


def _with(case: C, appeal_id: str, appeals: int, households: int, key_households: int) -> C:
    behind = None if case.behind is None else case.behind ^ opened_by(appeal_id)
    return case.model_copy(
        update={
            "appeals": case.appeals + appeals,
            "households": case.households + households,
            "key_households": case.key_households + key_households,
            "behind": behind,
        }
    )


def _at(case: C, place: Place, more: int, jurisdiction: Jurisdiction) -> C:
    """The case with so many appeals more, or fewer, from a compound. Of one that a version before did not count it is
    not known how many are left: it stays."""
    if not names_a_compound(place, jurisdiction):
        return case
    code, counts = place.code, {one.place: one.appeals for one in case.at_places}
    if code not in counts and code in case.other_compounds:
        return case
    counts[code] = counts.get(code, 0) + more
    others = [other for other in case.other_compounds if other != code]
    if counts[code] > 0:
        others = [*others, code] if code not in case.other_compounds else case.other_compounds
    kept = [AtPlace(place=one, appeals=count) for one, count in counts.items() if count]
    return case.model_copy(
        update={"at_places": kept[:MOST_COMPOUNDS], "other_compounds": others[:MOST_COMPOUNDS]}
    )
