"""The certificates of an installation: made once, renewed in time, and never over what the operator brought."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.certificates import AUTHORITY, CA, HERE, CertificateError, certify, server_file

NOW = datetime.now(UTC).replace(microsecond=0)
SERVERS = {"nats": ("nats", *HERE), "mongo": ("mongo", *HERE)}


def certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def names(path: Path) -> list[str]:
    (certificate, *_) = certificates(path)
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def held(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_an_installation_gets_an_authority_and_a_certificate_for_each_server(tmp_path: Path) -> None:
    made = certify(tmp_path, SERVERS, NOW)

    assert [line.partition(":")[0] for line in made] == [AUTHORITY, server_file("nats"), server_file("mongo")]
    assert names(tmp_path / server_file("nats")) == ["nats", *HERE]
    assert certificates(tmp_path / CA) == certificates(tmp_path / AUTHORITY)
    assert b"PRIVATE KEY" not in (tmp_path / CA).read_bytes()


def test_keys_are_for_their_owner_and_the_authority_s_certificate_for_everybody(tmp_path: Path) -> None:
    certify(tmp_path, SERVERS, NOW)

    for path in (AUTHORITY, server_file("nats"), server_file("mongo")):
        assert (tmp_path / path).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / CA).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("before_its_end", [timedelta(days=31), timedelta(days=100)])
def test_a_certificate_that_holds_for_more_than_thirty_days_stays(
    tmp_path: Path, before_its_end: timedelta
) -> None:
    certify(tmp_path, SERVERS, NOW)
    before = held(tmp_path)
    (certificate,) = certificates(tmp_path / server_file("nats"))

    assert certify(tmp_path, SERVERS, certificate.not_valid_after_utc - before_its_end) == []
    assert held(tmp_path) == before


def test_within_thirty_days_of_its_end_it_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    certify(tmp_path, SERVERS, NOW - timedelta(days=370))
    (old,) = certificates(tmp_path / server_file("nats"))
    trusted = (tmp_path / CA).read_bytes()

    made = certify(tmp_path, SERVERS, NOW)

    (new,) = certificates(tmp_path / server_file("nats"))
    assert len(made) == 2
    assert new.serial_number != old.serial_number
    assert new.public_key() != old.public_key()
    assert new.not_valid_after_utc > NOW + timedelta(days=300)
    assert (tmp_path / CA).read_bytes() == trusted


def test_a_new_name_is_taken_up_and_stays_the_next_time(tmp_path: Path) -> None:
    certify(tmp_path, SERVERS, NOW)

    certify(tmp_path, {**SERVERS, "nats": (*SERVERS["nats"], "nats.example.cn")}, NOW)

    assert certify(tmp_path, SERVERS, NOW) == []
    assert names(tmp_path / server_file("nats")) == ["nats", *HERE, "nats.example.cn"]


def test_what_the_operator_brought_is_never_replaced(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    certify(theirs, {"nats": SERVERS["nats"]}, NOW - timedelta(days=380))  # it ends in 17 days
    ours = tmp_path / "ours"
    bring(theirs, ours, server_file("nats"), CA)

    certify(ours, SERVERS, NOW)

    assert (ours / server_file("nats")).read_bytes() == (theirs / server_file("nats")).read_bytes()
    assert certificates(ours / CA) == certificates(theirs / CA) + certificates(ours / AUTHORITY)


def test_a_new_authority_is_trusted_beside_the_old_one(tmp_path: Path) -> None:
    certify(tmp_path, SERVERS, NOW)
    (old,) = certificates(tmp_path / CA)
    for path in (AUTHORITY, *map(server_file, SERVERS)):
        (tmp_path / path).unlink()

    certify(tmp_path, SERVERS, NOW)

    assert certificates(tmp_path / CA) == [old, *certificates(tmp_path / AUTHORITY)]


def test_with_everything_brought_there_is_no_authority_of_ours(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    certify(theirs, SERVERS, NOW)
    bring(theirs, ours, *map(server_file, SERVERS), CA)

    assert certify(ours, SERVERS, NOW) == []
    assert not (ours / AUTHORITY).exists()


def bring(theirs: Path, ours: Path, *files: str) -> None:
    for file in files:
        (ours / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(theirs / file, ours / file)


@pytest.mark.parametrize(
    "brought", ["for another name", "of a stranger", "that has ended", "without its key", "no PEM"]
)
def test_a_certificate_that_clients_would_refuse_is_refused_by_name(tmp_path: Path, brought: str) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    at = NOW - timedelta(days=500) if brought == "that has ended" else NOW
    for_names = ("elsewhere",) if brought == "for another name" else SERVERS["nats"]
    with suppress(CertificateError):  # one that has ended is refused where it is made too
        certify(theirs, {"nats": for_names}, at)
    bring(theirs, ours, server_file("nats"), *(() if brought == "of a stranger" else (CA,)))
    file = ours / server_file("nats")
    if brought == "without its key":
        file.write_text(file.read_text().partition("-----BEGIN CERT")[2].join(["-----BEGIN CERT", ""]))
    if brought == "no PEM":
        file.write_bytes(b"\x30\x82")

    with pytest.raises(CertificateError, match=r"nats/server\.pem"):
        certify(ours, SERVERS, NOW)


def test_an_authority_s_key_that_is_not_its_own_is_refused_by_name(tmp_path: Path) -> None:
    certify(tmp_path / "a", SERVERS, NOW)
    certify(tmp_path / "b", SERVERS, NOW)
    key, _, _ = (tmp_path / "a" / AUTHORITY).read_text().partition("-----BEGIN CERT")
    _, begin, certificate = (tmp_path / "b" / AUTHORITY).read_text().partition("-----BEGIN CERT")
    (tmp_path / "a" / AUTHORITY).write_text(key + begin + certificate)

    with pytest.raises(CertificateError, match=r"authority\.pem"):
        certify(tmp_path / "a", SERVERS, NOW)
