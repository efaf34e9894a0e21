"""What the page is made of: templates, style and scripts, all of them here. htmx is npm's file with its licence before
it; the rest is ours."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript"}

FILES: dict[str, tuple[bytes, str]] = {
    file.name: (file.read_bytes(), _TYPES[file.suffix])
    for file in sorted(_HERE.iterdir())
    if file.suffix in _TYPES
}
"""What browsers fetch: name -> content and media type."""

VERSION = sha256(b"".join(content for content, _ in FILES.values())).hexdigest()[:12]
"""Part of every address of those files, so that they may be kept for good."""

TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
