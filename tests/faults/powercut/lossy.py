"""A disk whose power can be cut: a FUSE file system in memory that keeps, after the cut, only what was made to last.

`python -m tests.faults.powercut.lossy MOUNTPOINT` serves it until it is unmounted. Contents last when a program asks:
fsync, fdatasync, or writing through a handle opened with O_SYNC or O_DSYNC. Closing a file asks for nothing. Names last
at once (creating, renaming, removing, making directories), which is kinder than a real disk may be: whoever fails here
fails there.

The power is cut by setting the extended attribute ``user.power`` of the mountpoint, after killing whoever writes;
``user.report`` then tells how many files lost something and how many times somebody asked.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations

POWER = "user.power"
REPORT = "user.report"
_LASTING = os.O_SYNC | os.O_DSYNC
_BLOCK = 4096


class Entry:
    """A file or directory. ``seen`` is what programs read; ``kept`` is what a power cut leaves."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.seen = bytearray()
        self.kept = bytearray()
        self.changed = time.time_ns()
        self._unkept: list[tuple[int, int]] = []

    @property
    def directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def write(self, data: bytes, offset: int) -> None:
        if offset > len(self.seen):
            self.seen.extend(bytes(offset - len(self.seen)))
        end = offset + len(data)
        self.seen[offset:end] = data
        self._touch(offset, end)

    def resize(self, length: int) -> None:
        """Cut off, or filled up with zeros."""
        before = len(self.seen)
        if length < before:
            del self.seen[length:]
        else:
            self.seen.extend(bytes(length - before))
        self._touch(min(before, length), max(before, length))

    def keep(self) -> None:
        """What is seen now outlives the power cut."""
        size = len(self.seen)
        del self.kept[size:]
        self.kept.extend(bytes(size - len(self.kept)))
        for start, end in self._unkept:
            self.kept[start : min(end, size)] = self.seen[start:end]
        self._unkept.clear()

    def lose(self) -> bool:
        """Back to what was kept; whether that is less or other than what was seen."""
        lost = self.seen != self.kept
        self.seen = bytearray(self.kept)
        self._unkept.clear()
        return lost

    def _touch(self, start: int, end: int) -> None:
        self.changed = time.time_ns()
        if self._unkept and self._unkept[-1][1] == start:
            self._unkept[-1] = (self._unkept[-1][0], end)
        else:
            self._unkept.append((start, end))


class LossyDisk(Operations):  # type: ignore[misc]
    """Entries by path; handles only matter for whether their writes last."""

    use_ns = True

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {"/": Entry(stat.S_IFDIR | 0o755)}
        self._handles = 0
        self._lasting: set[int] = set()
        self._asked = 0
        self._report = "the power was not cut"

    def _entry(self, path: str) -> Entry:
        try:
            return self._entries[path]
        except KeyError:
            raise FuseOSError(errno.ENOENT) from None

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        entry = self._entry(path)
        size = len(entry.seen)
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), entry.changed)
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        blocks = -(-size // _BLOCK) * (_BLOCK // 512)
        links = 2 if entry.directory else 1
        return {
            "st_mode": entry.mode,
            "st_nlink": links,
            "st_size": size,
            "st_blocks": blocks,
            **times,
            **owner,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        inside = path.rstrip("/") + "/"
        below = (name[len(inside) :] for name in self._entries if name.startswith(inside))
        return [".", "..", *(name for name in below if name and "/" not in name)]

    def mkdir(self, path: str, mode: int) -> int:
        self._entries[path] = Entry(stat.S_IFDIR | mode)
        return 0

    def rmdir(self, path: str) -> int:
        if len(self.readdir(path, 0)) > 2:
            raise FuseOSError(errno.ENOTEMPTY)
        del self._entries[path]
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        self._entries[path] = Entry(stat.S_IFREG | mode)
        return self.open(path, fi)

    def open(self, path: str, fi: Any) -> int:
        entry = self._entry(path)
        self._handles += 1
        fi.fh = self._handles
        if fi.flags & _LASTING:
            self._lasting.add(fi.fh)
        if fi.flags & os.O_TRUNC and entry.seen:
            entry.resize(0)
        return 0

    def release(self, path: str, fi: Any) -> int:
        self._lasting.discard(fi.fh)
        return 0

    def read(self, path: str, size: int, offset: int, fi: Any) -> bytes:
        return bytes(memoryview(self._entry(path).seen)[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fi: Any) -> int:
        entry = self._entry(path)
        entry.write(data, offset)
        if fi.fh in self._lasting:
            self._asked += 1
            entry.keep()
        return len(data)

    def truncate(self, path: str, length: int, fh: Any = None) -> int:
        self._entry(path).resize(length)
        return 0

    def fallocate(self, path: str, mode: int, offset: int, size: int, fh: Any) -> int:
        if mode:
            raise FuseOSError(errno.EOPNOTSUPP)
        entry = self._entry(path)
        if offset + size > len(entry.seen):
            entry.resize(offset + size)
        return 0

    def fsync(self, path: str, datasync: int, fi: Any) -> int:
        self._asked += 1
        self._entry(path).keep()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        return 0

    def flush(self, path: str, fi: Any) -> int:
        return 0

    def rename(self, old: str, new: str) -> int:
        for path in [path for path in self._entries if path == old or path.startswith(old + "/")]:
            self._entries[new + path[len(old) :]] = self._entries.pop(path)
        return 0

    def unlink(self, path: str) -> int:
        self._entry(path)
        del self._entries[path]
        return 0

    def chmod(self, path: str, mode: int) -> int:
        entry = self._entry(path)
        entry.mode = stat.S_IFMT(entry.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return {
            "f_bsize": _BLOCK,
            "f_frsize": _BLOCK,
            **dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), 1 << 22),
        }

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> int:
        if name != POWER:
            raise FuseOSError(errno.EOPNOTSUPP)
        files = [entry for entry in self._entries.values() if not entry.directory]
        lost = sum(entry.lose() for entry in files)
        self._report = (
            f"{lost} of {len(files)} files lost something, {self._asked} times somebody asked to keep"
        )
        return 0

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        if name != REPORT:
            raise FuseOSError(errno.ENODATA)
        return self._report.encode()


if __name__ == "__main__":
    FUSE(
        LossyDisk(),
        sys.argv[1],
        raw_fi=True,
        foreground=True,
        nothreads=True,
        big_writes=True,
        attr_timeout=0,
        entry_timeout=0,
        fsname="lossy",
    )
