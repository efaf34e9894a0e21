import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from shared.sealing import Seal, SealError, new_key


def seal(path: Path, *keys: str) -> Seal:
    path.write_text("\n".join(keys) + "\n")
    return Seal.of(path)


def test_what_is_sealed_is_not_readable_and_can_be_opened(tmp_path: Path) -> None:
    ours = seal(tmp_path / "key", new_key())

    sealed = ours.close("whsec_x")

    assert "whsec_x" not in sealed
    assert ours.open(sealed) == "whsec_x"
    assert ours.close("whsec_x") != sealed


def test_a_key_is_replaced_by_putting_another_before_it(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = seal(tmp_path / "key", old).close("whsec_x")

    assert seal(tmp_path / "key", new, old).open(sealed) == "whsec_x"
    later = seal(tmp_path / "key", new, old).close("whsec_y")
    assert seal(tmp_path / "key", new).open(later) == "whsec_y"


def test_another_installations_key_does_not_open_it(tmp_path: Path) -> None:
    sealed = seal(tmp_path / "key", new_key()).close("whsec_x")

    with pytest.raises(SealError, match="key of this installation"):
        seal(tmp_path / "key", new_key()).open(sealed)
    with pytest.raises(SealError):
        seal(tmp_path / "key", new_key()).open("nonsense")


@pytest.mark.parametrize("content", [None, "", "short", "ключ"])
def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "webhooks.key"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SealError, match=r"webhooks\.key"):
        Seal.of(path)


def test_what_was_sealed_too_long_ago_stays_shut(tmp_path: Path) -> None:
    key = new_key()
    sealed = Fernet(key).encrypt_at_time(b"session", int(time.time()) - 3600).decode()

    assert seal(tmp_path / "key", key).open(sealed, within=timedelta(hours=2)) == "session"
    with pytest.raises(SealError, match="too long ago"):
        seal(tmp_path / "key", key).open(sealed, within=timedelta(minutes=59))


def test_a_seal_of_one_process_is_nobody_elses() -> None:
    with pytest.raises(SealError):
        Seal.fresh().open(Seal.fresh().close("session"))
