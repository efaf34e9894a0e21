"""Data are JSON in UTF-8, as they are. What is encoded otherwise is told apart, so that its sender can mend it."""

from __future__ import annotations

from shared.contracts.values import FieldError

COMPRESSED = frozenset(("gzip", "x-gzip", "deflate", "compress", "br", "zstd"))
MARKS = (
    (b"\xef\xbb\xbf", "不得带字节顺序标记 (must not begin with a byte order mark)"),
    (b"\x1f\x8b", "不得压缩 (is compressed with gzip, must be plain JSON)"),
    (b"\x28\xb5\x2f\xfd", "不得压缩 (is compressed with zstd, must be plain JSON)"),
    (b"\xff\xfe\x00\x00", "必须为 UTF-8 (is UTF-32, must be UTF-8)"),
    (b"\x00\x00\xfe\xff", "必须为 UTF-8 (is UTF-32, must be UTF-8)"),
    (b"\xff\xfe", "必须为 UTF-8 (is UTF-16, must be UTF-8)"),
    (b"\xfe\xff", "必须为 UTF-8 (is UTF-16, must be UTF-8)"),
)


def encoded(content_encoding: str, data: bytes) -> FieldError | None:
    """What is wrong with how these bytes are encoded, if anything is."""
    coding = COMPRESSED.intersection(part.strip() for part in content_encoding.lower().split(","))
    if coding:
        problem = f"不得压缩 (must be absent: {', '.join(sorted(coding))} is not taken)"
        return FieldError(field="content-encoding", problem=problem)
    for mark, problem in MARKS:
        if data.startswith(mark):
            return FieldError(field="data", problem=problem)
    if b"\0" in data[:4]:  # JSON begins with two ASCII characters, and no text of it holds a NUL
        return FieldError(field="data", problem="必须为 UTF-8 (is UTF-16 or UTF-32, must be UTF-8)")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        problem = f"必须为 UTF-8 (not UTF-8 at byte {error.start + 1})"
        return FieldError(field="data", problem=problem)
    return None
