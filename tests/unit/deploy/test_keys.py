import os
from pathlib import Path

import pytest

from deploy.keys import ADMIN, KeyRing, service_key, tenant_key, write_secret


def test_a_seed_is_made_once_and_found_again(tmp_path: Path) -> None:
    first = KeyRing(tmp_path).seed(tenant_key("heating-zy"))

    assert first.startswith("SU")
    assert KeyRing(tmp_path).seed(tenant_key("heating-zy")) == first


def test_every_name_has_its_own_seed(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path)

    publics = {
        keys.public(name) for name in (ADMIN, service_key("intake"), tenant_key("a1"), tenant_key("b1"))
    }

    assert len(publics) == 4
    assert all(public.startswith("U") for public in publics)


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys")
    keys.password("mongo/intake")
    keys.seed(service_key("intake"))

    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]

    assert len(files) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_a_password_survives_and_fits_into_a_url(tmp_path: Path) -> None:
    first = KeyRing(tmp_path).password("mongo/intake")

    assert KeyRing(tmp_path).password("mongo/intake") == first
    assert len(first) >= 32
    assert first.replace("-", "").replace("_", "").isalnum()


def test_what_a_kill_left_behind_keeps_no_secret_from_being_written(tmp_path: Path) -> None:
    """In a container process numbers come again."""
    path = tmp_path / "admin.seed"
    (tmp_path / f".admin.seed.{os.getpid()}").write_text("half of")

    write_secret(path, "whole")

    assert path.read_text() == "whole\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "admin.seed").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_secret(tmp_path / "admin.seed", "whole")

    assert [path.name for path in tmp_path.iterdir()] == ["admin.seed"]
