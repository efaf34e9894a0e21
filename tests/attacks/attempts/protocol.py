"""At the door: without a key, with another's, in the language of servers; and lines that are no protocol at all."""

from __future__ import annotations

import asyncio
import base64
import json

import nkeys

from deploy.keys import ADMIN, SYSTEM, new_seed, public_key, service_key
from tests.attacks.arena import SERVICE
from tests.attacks.attempts.making import OWN, does
from tests.attacks.installed import GONE, PAUSED, VICTIM
from tests.attacks.judging import Attempt, Bout
from tests.attacks.loose import INTRUDER, KEYS, UNBOUNDED
from tests.attacks.wire import Line

_SIGNED = "a signature is checked whatever the configuration says"
_BY_KEY = "an account is where the key is, not what one says"
_OTHER_PORT = "servers are spoken to on another port, which is not open"
_NOT_SPOKEN = "not what is spoken on this port"


def _connects(words: str, never: str = "", on: str = UNBOUNDED, **options: object) -> Attempt:
    """CONNECT with these options and no valid signature."""

    async def act(bout: Bout) -> None:
        await bout.line.connect(**options)
        await bout.line.settled()

    return does(words, act, on=on, never=never, outside=True)


def _sign(seed: str, nonce: str) -> str:
    return base64.b64encode(nkeys.from_seed(seed.encode()).sign(nonce.encode())).decode()


def _claims(words: str, who: str, never: str = _SIGNED) -> Attempt:
    """The public key of somebody, which is no secret, and the attacker's own signature."""

    async def act(bout: Bout) -> None:
        keys = bout.arena.installation.keys
        public = public_key(bout.arena.seeds[who]) if who in bout.arena.seeds else keys.public(who)
        signature = _sign(bout.arena.seeds[INTRUDER], bout.line.info["nonce"])
        await bout.line.connect(nkey=public, sig=signature)
        await bout.line.settled()

    return does(words, act, never=never, outside=True)


async def _replays(bout: Bout) -> None:
    """The victim's signature of another connection's nonce, overheard somewhere."""
    old = await Line.open(bout.arena.door, VICTIM)
    bout.more.append(old)
    seed = bout.arena.seeds[VICTIM]
    await bout.line.connect(nkey=public_key(seed), sig=_sign(seed, old.info["nonce"]))
    await bout.line.settled()


async def _unknown_key(bout: Bout) -> None:
    await bout.line.identify(new_seed())


async def _speaks_first(bout: Bout) -> None:
    await bout.line.raw(f"PUB response.{VICTIM}.accepted.v1 6\r\nforged\r\n")
    await bout.line.settled()


async def _second_connect(bout: Bout) -> None:
    """Let in as itself, then CONNECT again as the victim."""
    await bout.line.connect(nkey=public_key(bout.arena.seeds[VICTIM]), sig="x", account="CORE")
    await bout.line.publish(f"response.{VICTIM}.accepted.v1", "forged")


def _enters_as(words: str, seed_of: str, **options: object) -> Attempt:
    """With the key of somebody who is not let in any more."""

    async def act(bout: Bout) -> None:
        await bout.line.identify(
            bout.arena.stolen if seed_of == INTRUDER else bout.arena.seeds[seed_of], **options
        )

    return does(words, act, on=KEYS, outside=True)


DOOR = (
    _connects("CONNECT without a key"),
    _connects("CONNECT with a user and a password", user=ADMIN, **{"pass": ADMIN}, never=_SIGNED),
    _connects("CONNECT with a token", auth_token="s3cr3t", never=_SIGNED),
    _connects("CONNECT with a made-up JWT", jwt="e30.e30.e30", sig="x"),
    _connects("CONNECT naming the account CORE", _BY_KEY, account="CORE", new_account=False),
    _connects("CONNECT under a service's name", name=f"nuanliu-{SERVICE}"),
    _connects("CONNECT in the old protocol, without headers", protocol=0, headers=False, no_responders=False),
    does("speaks before CONNECT", _speaks_first, never="CONNECT comes first", outside=True),
    does("enters with a key that nobody registered", _unknown_key, never=_SIGNED, outside=True),
    _claims("the victim's public key, its own signature", VICTIM),
    _claims("the administrator's public key, its own signature", ADMIN, never=""),
    _claims("the public key of who reloads the server, its own signature", SYSTEM),
    _claims("a service's public key, its own signature", service_key(SERVICE)),
    does("replays a signature of the victim's", _replays, never=_SIGNED, outside=True),
    does("CONNECT once more as the victim, on its own line", _second_connect, never="CONNECT is said once"),
)


async def _open_session(bout: Bout) -> None:
    """A thief is connected and listening when the tenant's key is rotated at once: out within seconds, and for good."""
    old = bout.arena.seeds[INTRUDER]
    thief = await bout.arena.enter(old)
    await thief.listen(f"{thief.inbox}.>", thief.inbox)
    await thief.settled()
    await bout.arena.rotate(INTRUDER)
    await _must_be_out(bout, thief, old)


async def _ended_session(bout: Bout) -> None:
    """Rotation with both keys for a while; then the old one is ended."""
    old = bout.arena.seeds[INTRUDER]
    thief = await bout.arena.enter(old)
    await bout.arena.rotate(INTRUDER, at_once=False)
    if thief.closed.is_set():
        bout.loot.append("the old key ended before its time")
    await bout.arena.end_rotation(INTRUDER)
    await _must_be_out(bout, thief, old)


async def _must_be_out(bout: Bout, thief: Line, old: str) -> None:
    await thief.settled()
    before = thief.pongs
    await thief.publish(OWN, "by a thief", reply="")
    await thief.settled()
    if thief.pongs > before:
        bout.loot.append("the open session goes on")
    again = await bout.arena.enter(old)
    if again.let_in:
        bout.loot.append("the old key is let in")
    await asyncio.gather(thief.close(), again.close())
    bout.note = "its session ended, the key is not let in again"


SESSIONS = (
    _enters_as("a key rotated away", INTRUDER),
    _enters_as("a key rotated away, pedantic and verbose", INTRUDER, pedantic=True, verbose=True),
    _enters_as("the key of a suspended tenant", PAUSED),
    _enters_as("the key of a removed tenant", GONE),
    does("a session open while its key is rotated at once", _open_session, on=KEYS, outside=True),
    does("a session open while the rotation of its key is ended", _ended_session, on=KEYS, outside=True),
)


def _raw(words: str, said: str, *, on: str = UNBOUNDED, never: str = _NOT_SPOKEN) -> Attempt:
    async def act(bout: Bout) -> None:
        await bout.line.raw(said)

    return does(words, act, on=on, never=never)


def _as_server(words: str, said: str, never: str = _OTHER_PORT) -> Attempt:
    async def act(bout: Bout) -> None:
        await bout.line.raw(said)
        await bout.line.settled()

    return does(words, act, never=never, outside=True)


def _other_inbox(bout: Bout) -> str:
    return f"_INBOX.{VICTIM}.mine"


async def _foreign_inbox(bout: Bout) -> None:
    """The library's own way, but with the victim's inbox prefix."""
    await bout.line.listen(_other_inbox(bout))
    await bout.line.publish(OWN, "mine", reply=_other_inbox(bout))
    await bout.line.message(0.1)
    if bout.line.messages:
        bout.loot.append("its answers came into the victim's inbox")


_LEAF = json.dumps({"nkey": "U", "name": "leaf", "leafnode": True, "cluster": "c"})

LINES = (
    does("subscribes and asks with the victim's inbox prefix", _foreign_inbox),
    _raw(
        "PUB with two subjects: the second as the reply",
        f"PUB {OWN} response.{VICTIM}.accepted.v1 6\r\nforged\r\n",
        never="",
    ),
    _raw("PUB with three subjects", f"PUB {OWN} response.{VICTIM}.accepted.v1 x 6\r\nforged\r\n"),
    _raw("LS+: subscribes as a leaf node", "LS+ dispatch.>\r\n"),
    _raw("LMSG: publishes as a leaf node", f"LMSG response.{VICTIM}.accepted.v1 6\r\nforged\r\n"),
    _raw("RS+: subscribes as a server of the cluster", "RS+ CORE dispatch.>\r\n"),
    _raw(
        "RMSG: publishes as a server of the cluster",
        f"RMSG CORE response.{VICTIM}.accepted.v1 6\r\nforged\r\n",
    ),
    _raw("A+: announces an account", "A+ CORE\r\n"),
    _raw("INFO: as a server would", 'INFO {"server_id":"x","cluster":"c","gateway":"g"}\r\n'),
    _raw("-ERR: tells the server off", "-ERR 'Authorization Violation'\r\n"),
    _raw("MSG: as a server would", f"MSG response.{VICTIM}.accepted.v1 1 6\r\nforged\r\n"),
    _as_server("CONNECT as a leaf node", f"CONNECT {_LEAF}\r\n"),
    _as_server(
        "CONNECT as a server of the cluster",
        'CONNECT {"server_id":"x","cluster":"c","name":"x","tls_required":false}\r\n',
        "",
    ),
    _as_server("CONNECT as a gateway", 'CONNECT {"gateway":"g","name":"x"}\r\n', ""),
    _as_server("HTTP on this port", "GET /varz HTTP/1.1\r\nHost: nats\r\n\r\n"),
    _as_server(
        "a WebSocket's beginning", "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    ),
    _as_server("an MQTT client's beginning", "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04spy1"),
    _raw("HPUB whose headers are longer than the message", f"HPUB {OWN} 90 10\r\nNATS/1.0\r\n\r\n\r\n"),
    _raw("HPUB with headers of no length", f"HPUB {OWN} 0 4\r\nmine\r\n"),
    _raw("HPUB with a negative length", f"HPUB {OWN} -1 4\r\nmine\r\n"),
    _raw("PUB with a negative size", f"PUB {OWN} -5\r\nmine\r\n"),
    _raw("PUB with a size of 20 digits", f"PUB {OWN} 99999999999999999999\r\nmine\r\n"),
    _raw("PUB whose body never comes", f"PUB {OWN} 100\r\nmi"),
    _raw("PUB whose body is longer than it says", f"PUB {OWN} 4\r\nmine and a tail\r\n"),
    _raw("a line that never ends, 64 KiB", "SUB " + "x" * 65_536),
    _raw("a subject of 5,000 letters", f"PUB response.{INTRUDER}.{'x' * 5000} 4\r\nmine\r\n"),
    _raw("a subject of 300 tokens", f"PUB response.{INTRUDER}.{'.'.join('x' * 300)} 4\r\nmine\r\n"),
    _raw("10,000 pings", "PING\r\n" * 10_000),
    _raw("UNSUB of what was never subscribed", "UNSUB 77\r\nUNSUB 1 5\r\n"),
    _raw("a word that is none", "XYZZY\r\n"),
)
