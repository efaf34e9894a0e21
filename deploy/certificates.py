"""The certificates of an installation: an authority of its own, and one certificate for each server.

    DIR/tls/authority.pem          key and certificate of the authority; it signs here and is mounted nowhere
    DIR/tls/trust/ca.pem           whom our own parts trust, and what partners are handed
    DIR/tls/<server>/server.pem    key and certificate of a server: one file, so that both change in one step

What the authority did not sign was brought by the operator: it is tried like the others, and never replaced.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.keys import write_secret

AUTHORITY = "tls/authority.pem"
CA = "tls/trust/ca.pem"
HERE = ("localhost", "127.0.0.1")
"""How a server is reached from its own machine."""

AUTHORITY_LASTS = timedelta(days=3653)
CERTIFICATE_LASTS = timedelta(days=397)
RENEWED_WITHIN = timedelta(days=30)
CLOCKS_DIFFER = timedelta(hours=1)

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class CertificateError(Exception):
    """A certificate that clients would refuse: which file, and what is the matter."""


def server_file(server: str) -> str:
    """Where a server's certificate and key are, below the installation's directory."""
    return f"tls/{server}/server.pem"


def certify(directory: Path, servers: Mapping[str, Sequence[str]], at: datetime) -> list[str]:
    """Make the certificates that are missing, end within 30 days or lack a name, and try all as a client will.

    ``servers``: server -> the names and addresses it is reached by; names it was certified for before stay. Returns
    in words what was made. Raises CertificateError for a file that is not what it should be.
    """
    authority = _Authority.read(directory / AUTHORITY) if (directory / AUTHORITY).exists() else None
    made = []
    for server, names in servers.items():
        path = directory / server_file(server)
        now = _certificates(path)[0] if path.exists() else None
        if now is not None and (authority is None or not authority.signed(now)):
            continue
        if now is not None and not _due(now, names, at):
            continue
        if authority is None:
            authority = _Authority.new(at)
            authority.write(directory / AUTHORITY)
            made.append(
                f"{AUTHORITY}: a new authority, until {authority.certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        wanted = list(dict.fromkeys((*names, *(_names(now) if now else ()))))
        certificate = authority.certify(path, wanted, at)
        made.append(
            f"{server_file(server)}: for {', '.join(wanted)}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    if authority is not None:
        _trust(directory / CA, authority)
    for server, names in servers.items():
        for name in names:
            _try(directory / server_file(server), directory / CA, name)
    return made


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, at: datetime) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        serial = x509.random_serial_number()
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "nuanliu"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"nuanliu authority {serial % 2**32:08x}"),
            ]
        )
        usage = _usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            _builder(name, name, key.public_key(), key.public_key(), at, at + AUTHORITY_LASTS)
            .serial_number(serial)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def read(cls, path: Path) -> _Authority:
        certificate = _certificates(path)[0]
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise CertificateError(f"{path}: 没有私钥 (holds no key): {error}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise CertificateError(f"{path}: 私钥与证书不符 (key and certificate do not belong together)")
        return cls(key, certificate)

    def write(self, path: Path) -> None:
        write_secret(path, _pem(self.key, self.certificate))

    def signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def certify(self, path: Path, names: Sequence[str], at: datetime) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        until = min(at + CERTIFICATE_LASTS, self.certificate.not_valid_after_utc)
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            _builder(subject, self.certificate.subject, key.public_key(), self.key.public_key(), at, until)
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(both, critical=False)  # members of a cluster are each other's clients
            .add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        write_secret(path, _pem(key, certificate))
        return certificate


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    at: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .not_valid_before(at - CLOCKS_DIFFER)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(issued_by, critical=False)
    )


def _usage(**granted: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**dict.fromkeys(_USAGES, False) | granted)


def _due(certificate: x509.Certificate, names: Iterable[str], at: datetime) -> bool:
    ends_soon = certificate.not_valid_after_utc - at <= RENEWED_WITHIN
    return ends_soon or not set(names) <= set(_names(certificate))


def _names(certificate: x509.Certificate) -> list[str]:
    """The names and addresses a certificate holds for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in extension.value]


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _trust(path: Path, authority: _Authority) -> None:
    """Everybody trusts our authority beside whomever they trust already."""
    held = path.read_bytes() if path.exists() else b""
    if held and authority.certificate in _certificates(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)  # read in containers by users who own nothing of ours
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(held + authority.certificate.public_bytes(Encoding.PEM))
    draft.chmod(0o644)
    draft.replace(path)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"{path}: 读不出证书 (no certificate can be read): {error}") from None


def _try(server: Path, ca: Path, name: str) -> None:
    """What a client will make of it: a handshake in memory."""
    try:
        offers = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        offers.load_cert_chain(server)
        trusts = ssl.create_default_context(cafile=str(ca))
    except OSError as error:  # ssl.SSLError among them
        raise CertificateError(f"{server} 或 {ca}: 不能用 (cannot be used): {error}") from None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusts.wrap_bio(to_client, to_server, server_hostname=name)
    answering = offers.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, answering]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", "") or error.reason
                raise CertificateError(
                    f"{server}: 对 {name} 无效 (does not hold for {name}): {why}"
                ) from None
            waiting.remove(side)


def _pem(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> str:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (secret + certificate.public_bytes(Encoding.PEM)).decode().rstrip("\n")
