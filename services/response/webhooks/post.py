"""One delivery over HTTP: to exactly the address that was looked at, no proxy, no redirect, little patience.

A connection serves one delivery: the name is looked up and judged each time, so that what it pointed to a minute ago
lends no trust to what it points to now. A certificate is checked against the name, never against the address.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence

import httpcore

from services.response.webhooks.domain.outcome import Outcome, Refused, Unwell, judged
from services.response.webhooks.domain.terms import CONNECT_SECONDS, MOST_ANSWER_BYTES, TOTAL_SECONDS
from shared.outward import Address, Names, Network, NotAllowed, all_allowed, url_problem

LookUp = Callable[[str, int], Awaitable[Sequence[Address]]]

_MOST_ADDRESSES = 3
_TIMEOUTS = {"connect": CONNECT_SECONDS, "read": TOTAL_SECONDS, "write": TOTAL_SECONDS, "pool": TOTAL_SECONDS}


class Post:
    """Delivers. ``networks``: addresses that are allowed although they are not public. ``look_up``: from a name to its
    addresses. ``trust``: the certificates that are trusted, the system's where absent."""

    def __init__(
        self,
        *,
        http: bool = False,
        networks: Sequence[Network] = (),
        look_up: LookUp | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._http = http
        self._networks = tuple(networks)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_Judging(self._networks, look_up or Names().resolve),
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """POST it, and say what came of it; raises nothing but a cancellation."""
        if problem := url_problem(url, http=self._http, networks=self._networks):
            return Unwell(f"the address is not used: {problem}")
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._exchange(url, headers, body)
        except TimeoutError:
            return Unwell(f"no answer within {TOTAL_SECONDS:g} s")
        except NotAllowed as wrong:
            return Unwell(f"the address is not used: {wrong}")
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Unwell(f"{type(error).__name__}: {_first_line(str(error))}".removesuffix(": "))

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        own = {"Content-Length": str(len(body)), "Connection": "close", "User-Agent": "nuanliu-webhooks/1"}
        async with self._pool.stream(
            "POST",
            url,
            headers=[*headers.items(), *own.items()],
            content=body,
            extensions={"timeout": _TIMEOUTS},
        ) as answer:
            outcome = judged(answer.status)
            if isinstance(outcome, Refused | Unwell):
                said = await _beginning(answer.aiter_stream())
                outcome = judged(answer.status, _header(answer.headers, b"retry-after"), said)
            return outcome

    async def close(self) -> None:
        await self._pool.aclose()


class _Judging(httpcore.AsyncNetworkBackend):
    """Looks a name up, judges every address, and connects to one of those."""

    def __init__(self, networks: Sequence[Network], look_up: LookUp) -> None:
        self._networks = networks
        self._look_up = look_up
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        try:
            async with asyncio.timeout(timeout):
                found = all_allowed(host, await self._look_up(host, port), self._networks)
                for address in found[:_MOST_ADDRESSES]:
                    try:
                        return await self._plain.connect_tcp(
                            str(address), port, timeout, local_address, socket_options
                        )
                    except httpcore.ConnectError as error:
                        failure = error
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from None
        raise failure


async def _beginning(stream: AsyncIterable[bytes]) -> str:
    """The first bytes of a body as one printable line."""
    taken = b""
    async for part in stream:
        taken += part
        if len(taken) >= MOST_ANSWER_BYTES:
            break
    return _first_line(taken[:MOST_ANSWER_BYTES].decode(errors="replace"))


def _first_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")
