"""Addresses that somebody else has named: which are taken, which are connected to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from shared.outward import Names, NotAllowed, all_allowed, allowed, url_problem

INSIDE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.254",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "2002:a00:1::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "2400:3200::1",
]
LOCAL = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_connected_to(address: str) -> None:
    assert not allowed(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_one_is(address: str) -> None:
    assert allowed(ip_address(address))


def test_an_installation_allows_networks_by_name_and_no_disguise_of_them() -> None:
    assert allowed(ip_address("127.0.0.1"), LOCAL)
    assert not allowed(ip_address("::ffff:127.0.0.1"), LOCAL)
    assert not allowed(ip_address("10.0.0.1"), LOCAL)


def test_a_name_that_points_inside_as_well_is_not_used_at_all() -> None:
    both = [ip_address("8.8.8.8"), ip_address("10.0.0.1")]

    with pytest.raises(NotAllowed, match=r"agency\.example points to 10\.0\.0\.1"):
        all_allowed("agency.example", both)
    assert all_allowed("agency.example", both[:1]) == both[:1]


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0"])
async def test_however_a_number_is_written_it_is_what_the_system_takes_it_for(host: str) -> None:
    with pytest.raises(NotAllowed):
        all_allowed(host, await Names().resolve(host, 443))


class SlowServers:
    """The system's look-up: a name of `slow` does not come back before it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()

    def look_up(self, host: str, port: int, type: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.let_go.wait(20)
        return [(None, type, 0, "", ("8.8.8.8", port))]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServers]:
    made = SlowServers()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    made.let_go.set()


async def test_names_whose_servers_are_slow_keep_no_other_name_waiting(servers: SlowServers) -> None:
    names = Names()
    slow = [asyncio.create_task(names.resolve(f"slow{n}.example", 443)) for n in range(100)]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        assert await names.resolve("agency.example", 443) == [ip_address("8.8.8.8")]

    assert not any(one.done() for one in slow)
    servers.let_go.set()
    assert await asyncio.gather(*slow) == [[ip_address("8.8.8.8")]] * 100


async def test_a_name_that_hangs_holds_one_thread_however_often_it_is_asked(servers: SlowServers) -> None:
    names = Names()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await names.resolve("slow.example", 443)

    waiting = [asyncio.create_task(names.resolve("SLOW.example", 443)) for _ in range(9)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    servers.let_go.set()

    assert await asyncio.gather(*waiting[1:]) == [[ip_address("8.8.8.8")]] * 8
    assert servers.asked == ["slow.example"]
    await names.resolve("slow.example", 443)
    assert servers.asked == ["slow.example"] * 2


async def test_no_more_names_than_so_many_at_a_time(servers: SlowServers) -> None:
    names = Names(most=1)
    first = asyncio.create_task(names.resolve("slow.example", 443))
    await asyncio.sleep(0)

    with pytest.raises(OSError, match="1 other names"):
        await names.resolve("agency.example", 443)

    servers.let_go.set()
    await first
    assert await names.resolve("agency.example", 443)


async def test_a_name_that_there_is_not_is_an_oserror() -> None:
    for host in ("no-such-name.invalid", "x" * 64 + ".example"):
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
            await Names().resolve(host, 443)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.agency.example/nuanliu?key=1",
        "https://agency.example:8443/",
        "https://agency.example./",
        "https://xn--fiqs8s.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/x",
    ],
)
def test_urls_that_are_taken(url: str) -> None:
    assert url_problem(url) == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "https://"),
        ("agency.example/x", "https://"),
        ("ftp://agency.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("http://agency.example/", "http is not allowed"),
        ("https://", "host name"),
        ("https://user:secret@agency.example/", "user or password"),
        ("https://agency.example@10.0.0.1/", "user or password"),
        ("https://agency.example/#x", "#"),
        ("https://agency.example\\@10.0.0.1/", "user or password"),
        ("https://agency.example/\\x", "backslash"),
        ("https://agency.example:0/", "port"),
        ("https://agency.example:65536/", "not a URL"),
        ("https://agency example/", "printable"),
        ("https://agency.example/\r\nhost: x", "printable"),
        ("https://暖流.example/", "printable"),
        ("https://agency.example/" + "x" * 500, "500"),
        ("https://under_score.example/", "host name"),
        ("https://agency.example%2f.x/", "host name"),
        ("https://10.0.0.1/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:8.8.8.8]/", "private"),
        ("https://[fd00::1]/", "private"),
        ("https://127.1/", "usual form"),
        ("https://2130706433/", "usual form"),
        ("https://0x7f.0.0.1/", "usual form"),
        ("https://0x7f000001/", "usual form"),
        ("https://0177.0.0.1/", "usual form"),
        ("https://10.0.0.1./", "usual form"),
    ],
)
def test_urls_that_are_refused_and_why(url: str, problem: str) -> None:
    assert problem in url_problem(url)


def test_what_an_installation_allows_is_taken() -> None:
    assert url_problem("http://127.0.0.1:9000/hook", http=True, networks=LOCAL) == ""
    assert "private" in url_problem("http://10.0.0.1/hook", http=True, networks=LOCAL)
