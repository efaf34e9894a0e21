"""Addresses outside that somebody else has named: which of them we connect to.

Whoever names an address may name one of ours: the database, another service, the cloud's own metadata. Only what is
public is connected to, or what the installation allows by name.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 500
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"({_LABEL}\.)*{_LABEL}", re.IGNORECASE)
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)

_CARRIERS = tuple(
    IPv6Network(network)
    for network in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")
)
"""IPv6 addresses that stand for an IPv4 address: no name needs one, and each is a way around a look at the other."""

_SHARED = IPv4Network("100.64.0.0/10")


class NotAllowed(Exception):
    """An address that is not connected to; says which and why."""


def allowed(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether it is public, or in one of the networks that the installation allows."""
    if any(address.version == network.version and address in network for network in networks):
        return True
    if isinstance(address, IPv6Address) and (
        address.scope_id or address.is_site_local or any(address in carrier for carrier in _CARRIERS)
    ):
        return False
    if isinstance(address, IPv4Address) and address in _SHARED:
        return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def url_problem(url: str, *, http: bool = False, networks: Sequence[Network] = ()) -> str:
    """What is the matter with an address somebody wants to be called at, Chinese and English; empty when nothing is.

    ``http``: whether it may go without TLS. A name's addresses are looked at when it is connected to.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"至多 {LONGEST_URL} 个可打印 ASCII 字符 (at most {LONGEST_URL} printable ASCII characters)"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"不是网址 (not a URL): {error}"
    if parts.scheme not in ("https", "http"):
        return "须为 https:// 网址 (must be an https:// URL)"
    if parts.scheme == "http" and not http:
        return "须为 https，本安装不允许 http (must be https; http is not allowed here)"
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        return "不能含用户名或口令 (must not hold a user or password)"
    if "#" in url or "\\" in url:
        return "不能含 # 或反斜杠 (must not hold # or a backslash)"
    if port == 0:
        return "端口须为 1 至 65535 (the port must be 1 to 65535)"
    return _host_problem(host, networks)


def _host_problem(host: str, networks: Sequence[Network]) -> str:
    try:
        literal = ip_address(host)
    except ValueError:
        pass
    else:
        if not allowed(literal, networks):
            return f"{host} 是内部或保留地址 (is a private or reserved address)"
        return ""
    if not _NAME.fullmatch(host.removesuffix(".")) or len(host) > 253:
        return "主机名不正确，中文域名请用 punycode (not a host name; write an international one in punycode)"
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return "IP 地址请写成常规形式 (write an IP address in its usual form)"
    return ""


class Names:
    """Looks names up, each in a thread of its own: the system's look-up cannot be interrupted, and takes as long as the
    name's server likes. A name that is being looked up is waited for, not looked up twice, so that it never holds more
    than one thread and no other name waits for it. (A resolver of asyncio's would not read the hosts file.)
    """

    def __init__(self, most: int = 256) -> None:
        """``most``: names at a time."""
        self._most = most
        self._asking: dict[str, Future[list[Address]]] = {}
        self._lock = threading.Lock()

    async def resolve(self, host: str, port: int) -> list[Address]:
        """All addresses that a name has now. Raises OSError when it has none, or too many others are looked up."""
        return await asyncio.wrap_future(self._ask(host.lower(), port))

    def _ask(self, host: str, port: int) -> Future[list[Address]]:
        with self._lock:
            if (asked := self._asking.get(host)) is not None:
                return asked
            if len(self._asking) >= self._most:
                raise OSError(f"{self._most} other names are being looked up")
            answer: Future[list[Address]] = Future()
            answer.set_running_or_notify_cancel()  # who stops waiting does not end it for the others
            self._asking[host] = answer
        try:
            # No executor: the end of the process would wait for its threads.
            threading.Thread(target=self._look_up, args=(host, port, answer), daemon=True).start()
        except RuntimeError as error:
            self._forget(host)
            raise OSError(str(error)) from error
        return answer

    def _look_up(self, host: str, port: int, answer: Future[list[Address]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
        except Exception as error:
            self._forget(host)
            answer.set_exception(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            self._forget(host)
            answer.set_result(addresses)

    def _forget(self, host: str) -> None:
        with self._lock:
            del self._asking[host]


def all_allowed(host: str, found: Sequence[Address], networks: Sequence[Network] = ()) -> Sequence[Address]:
    """The addresses of a name, if each of them may be connected to.

    Raises NotAllowed when one may not: a name that points inside as well is not to be trusted with what its other
    address gets.
    """
    for address in found:
        if not allowed(address, networks):
            raise NotAllowed(f"{host} points to {address}, a private or reserved address")
    return found
