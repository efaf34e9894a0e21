"""Files handed in over HTTP: kept once, and by whom who shows a token only so many a day."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared import http
from shared.access import Access, Tokens
from shared.catalogue.sheets import Sheets
from shared.files import OverQuota, kept, path_of, routes, save
from shared.policy.tenants import Quota, Tenant
from shared.receipts import Receipts
from tests.support.assignments import AGENCY, OTHER, SAMPLE
from tests.support.tokens import bearer, holding

MIB = 1024**2
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
SMALL = Quota(file_bytes_per_day=10 * MIB)
DISTRICT = holding(SAMPLE, quota=SMALL)
RECEIPTS = Receipts(b"", "optional")


async def ready() -> str:
    return ""


def asking(directory: Path, tokens: Tokens = "required") -> httpx.AsyncClient:
    """One copy of a service of agencies."""
    app: FastAPI = http.create("files", ready, CollectorRegistry(), Sheets("files", ()))
    routes(app, directory, Access(lambda: DISTRICT.tenants, "agency", tokens), RECEIPTS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://files")


async def hand_in(client: httpx.AsyncClient, content: bytes, agency: str = "") -> httpx.Response:
    file = {"file": ("a.jpg", content, "image/jpeg")}
    return await client.post("/api/v1/files", files=file, headers=bearer(agency) if agency else {})


def photos(size: int) -> Iterator[bytes]:
    return (bytes([number]) * size for number in range(256))


async def test_who_hands_in_more_than_its_day_has_room_for_is_refused_by_name(tmp_path: Path) -> None:
    photo = photos(4 * MIB)
    one, other = asking(tmp_path), asking(tmp_path)
    assert (await hand_in(one, next(photo), AGENCY)).status_code == 202
    assert (await hand_in(other, next(photo), AGENCY)).status_code == 202

    refused = await hand_in(one, next(photo), AGENCY)

    assert refused.status_code == 429
    assert refused.json()["errors"][0]["field"] == "file"
    assert str(10 * MIB) in refused.json()["errors"][0]["problem"]
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * 3600
    assert (await hand_in(one, next(photo), OTHER)).status_code == 202


async def test_the_same_again_takes_no_room(tmp_path: Path) -> None:
    client, photo = asking(tmp_path), b"x" * 4 * MIB

    answers = [await hand_in(client, photo, AGENCY) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_without_a_token_where_none_is_needed_there_is_no_quota(tmp_path: Path) -> None:
    client, photo = asking(tmp_path, "optional"), photos(4 * MIB)

    assert [(await hand_in(client, next(photo))).status_code for _ in range(4)] == [202] * 4


@pytest.mark.parametrize("length", [b"", "²".encode("latin-1"), b"-1", b"1e3", b"9" * 5000])
async def test_a_length_that_is_no_number_is_refused(tmp_path: Path, length: bytes) -> None:
    headers = [*httpx.Headers(bearer(AGENCY)).raw, (b"content-length", length)]

    answer = await asking(tmp_path).post("/api/v1/files", content=b"x", headers=headers)

    assert answer.status_code == 411


def agency() -> Tenant:
    found = DISTRICT.tenants.get(AGENCY)
    assert found is not None
    return found


def test_the_next_day_begins_anew_and_what_was_refused_is_not_kept(tmp_path: Path) -> None:
    photo = photos(6 * MIB)
    save(tmp_path, next(photo), "image/jpeg", RECEIPTS, agency(), AT)
    with pytest.raises(OverQuota):
        save(tmp_path, next(photo), "image/jpeg", RECEIPTS, agency(), AT + timedelta(hours=15))

    taken = save(tmp_path, next(photo), "image/jpeg", RECEIPTS, agency(), AT + timedelta(hours=16))

    assert path_of(tmp_path, taken.id).exists()
    assert len([path for path in tmp_path.rglob("*") if path.stat().st_size == 6 * MIB]) == 2


def test_many_at_once_are_counted_each(tmp_path: Path) -> None:
    def one(content: bytes) -> bool:
        try:
            save(tmp_path, content, "image/jpeg", RECEIPTS, agency(), AT)
        except OverQuota:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(one, (bytes([n]) * MIB for n in range(40))))

    assert taken.count(True) == 10


def test_a_kept_file_is_found_by_its_id_and_nothing_by_anything_else(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "files"
    (tmp_path / "secret").write_bytes(b"not handed in")
    id = save(directory, b"photo", "image/jpeg", RECEIPTS).id

    assert kept(directory, id) == b"photo"
    others = ("../secret", "../../secret", "..", "", id + "\n", id.upper(), id[:36])
    assert [kept(directory, other) for other in others] == [None] * len(others)


def test_a_file_of_before_receipts_is_found_by_its_id(tmp_path: Path) -> None:
    id = "f0c1d7a2-5a2b-5d0e-9c55-0e7c4f1f9b10"
    path_of(tmp_path, id).parent.mkdir()
    path_of(tmp_path, id).write_bytes(b"photo")

    assert kept(tmp_path, id) == b"photo"


async def test_the_same_photo_of_two_agencies_is_each_ones_own(tmp_path: Path) -> None:
    client = asking(tmp_path)

    one, other = [(await hand_in(client, b"photo", who)).json() for who in (AGENCY, OTHER)]

    assert one["id"] != other["id"]
    assert one["sha256"] == other["sha256"]
