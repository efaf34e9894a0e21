"""How one process is configured: environment variables with the prefix ``NUANLIU_``, nothing else."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, FilePath, StringConstraints
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.contracts.base import CATALOGUE

Address = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[!$&'()*+,;=\-._~:@/%\[\]0-9A-Za-z]+$"),
    AfterValidator(lambda address: address.rstrip("/")),
]
"""An absolute address without query and fragment, to which a name can be appended."""


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """One service process.

    ``http_tokens``: whether who asks over HTTP must show a token (shared/access.py).
    ``nats_ca``: whom to trust where NATS speaks TLS; the database's URL says that itself. ``registry``: the
    installation's tenants.yaml, read again whenever it changes; absent, the district's own.
    ``clock``: `replay` takes an outsider's ``ce-time`` for the receipt. ``tick``: `external` leaves the sweeps to
    whoever sends ticks. ``database_driver``: motor, or pymongo's own asyncio client. ``catalogue_url``: the address
    under which outsiders reach the schemas (``/docs/schemas`` of any service). ``webhook_key``: the file that opens
    webhooks' secrets and the sessions of the agency's page; without one these end with the process.
    ``webhook_http``, ``webhook_private``: whether webhooks may go without TLS, and to which networks that are not
    public (CIDR, separated by commas).
    """

    model_config = SettingsConfigDict(env_prefix="NUANLIU_", extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: Path | None = None
    nats_ca: FilePath | None = None
    mongo_url: str = "mongodb://127.0.0.1:27017"
    mongo_database: str = ""
    database_driver: Literal["motor", "pymongo"] = "motor"
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    http_tokens: Literal["required", "optional"] = "required"
    policy: Path = Path("deploy/packs/nuanhe")
    registry: Path | None = None
    clock: Literal["wall", "replay"] = "wall"
    tick: Literal["internal", "external"] = "internal"
    tick_seconds: float = 5.0
    catalogue_url: Address = CATALOGUE
    files_dir: Path = Path("var/files")
    webhook_key: Path | None = None
    webhook_http: bool = False
    webhook_private: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed)] = ()
    phase_file: Path | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
