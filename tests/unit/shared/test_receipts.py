"""Who may attach a file: whoever handed it in, as what it was; everything else is refused by field."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.agency import Accepted, Resolved
from shared.contracts.channel import Submitted, Supplemented
from shared.contracts.team import HazardFound, Revisited
from shared.contracts.values import Attachment, Location, Person, Reading
from shared.receipts import ANOTHER, NOT_YOURS, Receipts

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
BY = Person(name="网格员")
MINE, OTHERS = "heating-zy", "housing-zy"
STRICT, LENIENT = Receipts(b"SU-seed", "required"), Receipts(b"SU-seed", "optional")
DIGEST = sha256(b"photo").hexdigest()
KINDS = st.sampled_from(["image/jpeg", "image/png"])
DIGESTS = st.binary(max_size=4).map(lambda content: sha256(content).hexdigest())
TENANTS = st.sampled_from([MINE, OTHERS, "qr-door"])


def file(owner: str | None = MINE, of: Receipts = STRICT, **changes: Any) -> Attachment:
    kept = {"id": of.write(DIGEST, "image/jpeg", owner), "media_type": "image/jpeg", "sha256": DIGEST}
    return Attachment(**kept | changes)


def resolved(**files: Any) -> Resolved:
    return Resolved(assignment_id="a-1", at=AT, outcome="solved", measures="x", reply="y", **files)


def reading(photo: str | None) -> Reading:
    return Reading(celsius=19, room="bedroom", at=AT, photo=photo)


@given(owner=TENANTS, sender=TENANTS, digest=DIGESTS, said=DIGESTS, kind=KINDS, as_kind=KINDS)
def test_only_what_was_handed_in_by_who_attaches_it_and_as_what_it_was_is_taken(
    owner: str, sender: str, digest: str, said: str, kind: str, as_kind: str
) -> None:
    id = STRICT.write(digest, kind, owner)
    event = resolved(evidence=[Attachment(id=id, media_type=as_kind, sha256=said)])

    wrong = STRICT.wrong(event, sender)

    same = (said, as_kind) == (digest, kind)
    expected = [] if same and owner == sender else [ANOTHER if owner == sender else NOT_YOURS]
    assert [error.problem for error in wrong] == expected


@pytest.mark.parametrize("receipts", [STRICT, LENIENT], ids=["required", "optional"])
def test_every_place_of_every_event_is_looked_at_and_named(receipts: Receipts) -> None:
    own, foreign = file(), file(OTHERS)
    other = file(sha256="0" * 64)
    events: list[tuple[Any, list[str]]] = [
        (resolved(evidence=[own, foreign, other]), ["evidence.1.id", "evidence.2.sha256"]),
        (resolved(readings=[reading(None), reading(own.id), reading(foreign.id)]), ["readings.2.photo"]),
        (Submitted(text="冷", attachments=[foreign]), ["attachments.0.id"]),
        (Supplemented(external_ref="1", attachments=[own, foreign]), ["attachments.1.id"]),
        (
            HazardFound(at=AT, by=BY, location=Location(), text="x", attachments=[foreign]),
            ["attachments.0.id"],
        ),
        (
            Revisited(task_id="t", at=AT, by=BY, outcome="reached", readings=[reading(foreign.id)]),
            ["readings.0.photo"],
        ),
        (Accepted(assignment_id="a-1", at=AT), []),
    ]

    found = [[error.field for error in receipts.wrong(event, MINE)] for event, _ in events]

    assert found == [fields for _, fields in events]


MADE_UP = ["photo-1", file().id[:36], file().id + "0", file().id.upper(), file().id[:-1] + "z"]


@pytest.mark.parametrize("id", [*MADE_UP, file(of=Receipts(b"another", "required")).id, file(None).id])
def test_an_id_that_is_made_up_another_services_or_nobodys_is_refused_where_tokens_are_required(
    id: str,
) -> None:
    assert [one.field for one in STRICT.wrong(resolved(readings=[reading(id)]), MINE)] == ["readings.0.photo"]


def test_where_tokens_are_optional_nobodys_file_is_everybodys_and_what_is_no_receipt_is_kept_elsewhere() -> (
    None
):
    taken = resolved(evidence=[file(None), file(id="photo-1"), file(id=file().id[:36])])
    wrong = resolved(
        evidence=[file(OTHERS), file(None, sha256="0" * 64), file(of=Receipts(b"x", "optional"))]
    )

    assert LENIENT.wrong(taken, MINE) == []
    assert [one.field for one in LENIENT.wrong(wrong, MINE)] == [
        "evidence.0.id",
        "evidence.1.sha256",
        "evidence.2.id",
    ]


def test_copies_of_a_service_write_the_same_receipt(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_text("SU-seed\n")

    one, other = (Receipts.of(seed, "required") for _ in range(2))

    assert file(of=one) == file(of=other) == file()
    assert Receipts.of(None, "required").write(DIGEST, "image/jpeg", MINE) != file().id
