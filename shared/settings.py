"""How one process is configured: environment variables with the prefix ``NUANLIU_``, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One service process.

    ``clock``: `replay` takes an outsider's ``ce-time`` for the receipt. ``tick``: `external` leaves the sweeps to
    whoever sends ticks. ``database_driver``: motor, or pymongo's own asyncio client.
    """

    model_config = SettingsConfigDict(env_prefix="NUANLIU_", extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: Path | None = None
    mongo_url: str = "mongodb://127.0.0.1:27017"
    mongo_database: str = ""
    database_driver: Literal["motor", "pymongo"] = "motor"
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    policy: Path = Path("deploy/sample")
    clock: Literal["wall", "replay"] = "wall"
    tick: Literal["internal", "external"] = "internal"
    tick_seconds: float = 5.0
    files_dir: Path = Path("var/files")
    phase_file: Path | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
