"""The power goes while appeals pour in (DESIGN 3): what was acknowledged is there afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.powercut.disk import lacking, lossy_disk
from tests.faults.powercut.scenario import WAYS, Way, cut_power
from tests.support.engines import free_port_base

pytestmark = pytest.mark.skipif(lacking() is not None, reason=str(lacking()))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_acknowledged_appeals_survive_only_when_engines_are_told_to_flush(
    tmp_path: Path, way: Way
) -> None:
    outcome = await cut_power(tmp_path, way, free_port_base(), appeals=200)

    assert outcome.acknowledged >= 200
    assert outcome.as_expected, outcome


class TestTheDisk:
    """It must be able to lose, or the test above shows nothing."""

    def test_what_was_synced_is_kept_and_the_rest_is_not(self, tmp_path: Path) -> None:
        with lossy_disk(tmp_path, below=("files",)) as disk:
            with (tmp_path / "files" / "some").open("wb", buffering=0) as file:
                file.write(b"kept ")
                os.fsync(file.fileno())
                file.write(b"lost")

            report = disk.cut_power()

            assert (tmp_path / "files" / "some").read_bytes() == b"kept "
            assert report.startswith("1 of 1 files lost something")

    def test_closing_a_file_does_not_keep_it(self, tmp_path: Path) -> None:
        with lossy_disk(tmp_path, below=("files",)) as disk:
            (tmp_path / "files" / "some").write_bytes(b"lost")

            disk.cut_power()

            assert (tmp_path / "files" / "some").read_bytes() == b""

    def test_writing_through_a_synchronous_handle_keeps(self, tmp_path: Path) -> None:
        with lossy_disk(tmp_path, below=("files",)) as disk:
            handle = os.open(tmp_path / "files" / "some", os.O_CREAT | os.O_WRONLY | os.O_DSYNC)
            os.write(handle, b"kept")
            os.close(handle)

            disk.cut_power()

            assert (tmp_path / "files" / "some").read_bytes() == b"kept"

    def test_what_was_cut_off_without_a_sync_comes_back(self, tmp_path: Path) -> None:
        with lossy_disk(tmp_path, below=("files",)) as disk:
            some = tmp_path / "files" / "some"
            with some.open("wb", buffering=0) as file:
                file.write(b"kept")
                os.fsync(file.fileno())
            os.truncate(some, 1)

            disk.cut_power()

            assert some.read_bytes() == b"kept"
