"""Everything that knows all services at once: the local stack, the production shape, the replay."""

from pathlib import Path

SAMPLE = Path(__file__).resolve().parent / "packs" / "nuanhe"
"""The sample district: the pack that is used where none is named."""
