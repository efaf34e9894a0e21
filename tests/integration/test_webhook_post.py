"""One delivery over HTTP, to real receivers on this machine: what arrives, and where it does not go."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.response.webhooks import post as posting
from services.response.webhooks.domain.outcome import Delivered, Refused, Unwell
from services.response.webhooks.post import Post
from shared.outward import Address
from tests.support.engines import free_ports
from tests.support.receiver import Receiver, receiver

LOCAL = (ip_network("127.0.0.0/8"),)
HEADERS = {"ce-id": "m-1", "webhook-id": "m-1", "nuanliu-attempt": "1"}
NAME = "hooks.agency.example"


@asynccontextmanager
async def posting_with(**options: object) -> AsyncIterator[Post]:
    post = Post(**{"http": True, "networks": LOCAL} | options)  # type: ignore[arg-type]
    try:
        yield post
    finally:
        await post.close()


@asynccontextmanager
async def speaking(
    say: Callable[[asyncio.StreamWriter], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A receiver that says what it likes; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await say(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    (port,) = free_ports(1)
    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    try:
        yield port
    finally:
        server.close()


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiver(tmp_path / "receiver", free_ports(1)[0]) as running:
        yield running


async def test_headers_and_bytes_arrive_as_they_are(agency: Receiver) -> None:
    body = '{"note": "暖气不热"}'.encode()

    async with posting_with() as post:
        assert (
            await post.send(agency.url, HEADERS | {"content-type": "application/json"}, body) == Delivered()
        )

    (got,) = await agency.received()
    assert got.body == body
    assert {name: got.headers[name] for name in HEADERS} == HEADERS
    assert got.headers["content-type"] == "application/json"
    assert got.headers["connection"] == "close"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(agency: Receiver, tmp_path: Path, status: int) -> None:
    async with receiver(tmp_path / "inner", free_ports(1)[0]) as inner, posting_with() as post:
        agency.answer(all=[status, {"location": inner.url}])

        outcome = await post.send(agency.url, HEADERS, b"{}")

        assert outcome == Unwell(f"{status}: redirects are not followed")
        assert await inner.received() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://017700000001:{port}/",
        "http://localhost:{port}/",
        "http://127.0.0.1:{port}/",
        "http://user:word@127.0.0.1:{port}/",
    ],
)
async def test_an_address_inside_gets_nothing(agency: Receiver, url: str) -> None:
    async with posting_with(networks=()) as post:
        outcome = await post.send(url.format(port=agency.port), HEADERS, b"{}")

    assert isinstance(outcome, Unwell)
    assert outcome.reason.startswith("the address is not used")
    assert await agency.received() == []


async def test_without_leave_nothing_goes_without_tls(agency: Receiver) -> None:
    async with posting_with(http=False) as post:
        outcome = await post.send(agency.url, HEADERS, b"{}")

    assert isinstance(outcome, Unwell)
    assert "https" in outcome.reason
    assert await agency.received() == []


class Names:
    """What a name points to, another thing each time it is looked up."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[Address]:
        self.asked += 1
        return [ip_address(one) for one in self._answers.pop(0)]


@pytest.mark.parametrize(
    "inside", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1", "::ffff:127.0.0.1"]]
)
async def test_a_name_that_points_inside_gets_nothing(agency: Receiver, inside: list[str]) -> None:
    async with posting_with(look_up=Names(inside)) as post:
        outcome = await post.send(f"http://{NAME}:{agency.port}/", HEADERS, b"{}")

    assert isinstance(outcome, Unwell)
    assert f"{NAME} points to" in outcome.reason
    assert await agency.received() == []


async def test_what_was_looked_at_is_what_is_connected_to(agency: Receiver) -> None:
    """A name that changes between the look and the connection would be looked up twice."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])

    async with posting_with(look_up=names) as post:
        first = await post.send(f"http://{NAME}:{agency.port}/", HEADERS, b"{}")
        asked = names.asked
        second = await post.send(f"http://{NAME}:{agency.port}/", HEADERS, b"{}")

    assert (first, asked) == (Delivered(), 1)
    assert isinstance(second, Unwell)
    (got,) = await agency.received()
    assert got.headers["host"] == f"{NAME}:{agency.port}"


async def test_no_proxy_of_the_environment_is_used(agency: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with posting_with() as post:
        assert await post.send(agency.url, HEADERS, b"{}") == Delivered()


def certified(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS with a certificate for ``name``, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


async def taken(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def test_a_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    tls, trust = certified(tmp_path, NAME)

    async with (
        speaking(taken, tls) as port,
        posting_with(trust=trust, look_up=Names(["127.0.0.1"], ["127.0.0.1"])) as post,
    ):
        right = await post.send(f"https://{NAME}:{port}/", HEADERS, b"{}")
        wrong = await post.send(f"https://other.agency.example:{port}/", HEADERS, b"{}")

    assert right == Delivered()
    assert isinstance(wrong, Unwell)
    assert "certificate" in wrong.reason


async def test_a_certificate_that_nobody_vouches_for_is_not_enough(tmp_path: Path) -> None:
    tls, _ = certified(tmp_path, NAME)

    async with speaking(taken, tls) as port, posting_with(look_up=Names(["127.0.0.1"])) as post:
        outcome = await post.send(f"https://{NAME}:{port}/", HEADERS, b"{}")

    assert isinstance(outcome, Unwell)
    assert "certificate" in outcome.reason


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"x" * 1024 + b"\r\n")
        await writer.drain()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.7\r\n")


async def nothing(writer: asyncio.StreamWriter) -> None:
    pass


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_of_an_endless_answer_a_little_is_read() -> None:
    async with speaking(endless) as port, posting_with() as post:
        outcome = await post.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")

    assert outcome == Refused("422: " + "x" * posting.MOST_ANSWER_BYTES)


@pytest.mark.parametrize("say", [endless_headers, nonsense, nothing])
async def test_what_is_no_answer_is_a_failure_with_a_reason(
    say: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> None:
    async with speaking(say) as port, posting_with() as post:
        outcome = await post.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")

    assert isinstance(outcome, Unwell)
    assert "Error" in outcome.reason


async def test_a_receiver_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 0.3)

    async with speaking(silence) as port, posting_with() as post:
        outcome = await post.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")

    assert outcome == Unwell("no answer within 0.3 s")


async def test_who_does_not_listen_and_who_is_not_there_are_failures_with_a_reason() -> None:
    (port,) = free_ports(1)

    async with posting_with() as post:
        deaf = await post.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
        absent = await post.send("http://hooks.agency.invalid/", HEADERS, b"{}")

    assert isinstance(deaf, Unwell)
    assert deaf.reason.startswith("ConnectError")
    assert isinstance(absent, Unwell)
    assert absent.reason.startswith("gaierror")
