"""Making, changing and deleting streams and consumers; giving orders to the server."""

from __future__ import annotations

from tests.attacks.arena import SERVICE
from tests.attacks.attempts.making import asks, does, listens, says
from tests.attacks.installed import CHANNEL, VICTIM
from tests.attacks.judging import Attempt, Bout
from tests.attacks.loose import EXPORTS, INTRUDER, SYSTEM

_INBOX = f"_INBOX.{INTRUDER}.answer"
_ALONE = "one server has no cluster to change"


def _consumer(name: str, **config: object) -> dict[str, object]:
    return {
        "stream_name": "DISPATCH",
        "config": {"name": name, "durable_name": name, "ack_policy": "explicit"} | config,
    }


def _ephemeral(**config: object) -> dict[str, object]:
    return {"stream_name": "DISPATCH", "config": {"ack_policy": "none"} | config}


_SHORT_LIVED = {
    "name": "DISPATCH",
    "subjects": ["dispatch.>"],
    "max_age": 3_600_000_000_000,
    "deny_delete": True,
    "allow_atomic": True,
    "discard": "new",
}

STREAMS = (
    asks("STREAM.CREATE.SPY", {"name": "SPY", "subjects": ["spy.>"], "sources": [{"name": "DISPATCH"}]}),
    asks("STREAM.CREATE.SPY", {"name": "SPY", "mirror": {"name": f"RESPONSE_{VICTIM}"}}),
    asks("STREAM.CREATE.SPY", {"name": "SPY", "subjects": ["_INBOX.>"]}, on=EXPORTS),
    asks(
        "STREAM.CREATE.SPY",
        {"name": "SPY", "subjects": ["spy.>"], "republish": {"src": "spy.>", "dest": "case.>"}},
    ),
    asks("STREAM.UPDATE.DISPATCH", _SHORT_LIVED),
    asks(
        f"STREAM.UPDATE.RESPONSE_{INTRUDER}",
        {"name": f"RESPONSE_{INTRUDER}", "subjects": ["response.>"]},
        never="taken by others",
    ),
    asks(
        f"STREAM.UPDATE.RESPONSE_{INTRUDER}",
        {
            "name": f"RESPONSE_{INTRUDER}",
            "subjects": [f"response.{INTRUDER}.>"],
            "retention": "workqueue",
            "discard": "new",
        },
    ),
    asks(f"STREAM.DELETE.RESPONSE_{VICTIM}"),
    asks("STREAM.DELETE.DISPATCH"),
    asks("STREAM.PURGE.DISPATCH", on=EXPORTS),
    asks(f"STREAM.PURGE.RESPONSE_{VICTIM}", {"filter": f"response.{VICTIM}.>"}),
    asks("STREAM.PURGE.DISPATCH", {"keep": 1}),
    asks(f"STREAM.MSG.DELETE.RESPONSE_{VICTIM}", {"seq": 1}),
    asks(f"STREAM.MSG.DELETE.RESPONSE_{VICTIM}", {"seq": 1, "no_erase": True}),
    asks("STREAM.SNAPSHOT.DISPATCH", {"deliver_subject": f"_INBOX.{INTRUDER}.answer.snapshot"}),
    asks("STREAM.RESTORE.SPY", {"config": {"name": "SPY", "subjects": ["spy.>"]}, "state": {}}),
    asks("STREAM.LEADER.STEPDOWN.DISPATCH", never=_ALONE),
    asks("STREAM.PEER.REMOVE.DISPATCH", {"peer": "nuanliu"}, never=_ALONE),
    asks("META.LEADER.STEPDOWN", never=_ALONE),
    asks("SERVER.REMOVE", {"peer": "nuanliu"}, never=_ALONE),
    asks("ACCOUNT.PURGE.CORE", never=_ALONE),
)


def _puts(subject: str, reply: str | None = None) -> Attempt:
    """Everything that is on DISPATCH pushed to some subject."""
    config = {"deliver_subject": subject, "deliver_policy": "all", "ack_policy": "none"}
    body = {"stream_name": "DISPATCH", "config": config}
    return says(
        "$JS.API.CONSUMER.CREATE.DISPATCH", body, words=f"has all orders pushed to {subject}", reply=reply
    )


CONSUMERS = (
    asks(
        "CONSUMER.CREATE.DISPATCH.spy",
        {"stream_name": "DISPATCH", "config": {"name": "spy", "ack_policy": "none"}},
    ),
    asks(
        f"CONSUMER.CREATE.DISPATCH.spy.dispatch.{VICTIM}.>",
        {"stream_name": "DISPATCH", "config": {"name": "spy", "filter_subject": f"dispatch.{VICTIM}.>"}},
    ),
    asks("CONSUMER.DURABLE.CREATE.DISPATCH.spy", _consumer("spy"), on=EXPORTS),
    asks("CONSUMER.CREATE.DISPATCH", _ephemeral()),
    _puts(f"_INBOX.{INTRUDER}.answer.push"),
    _puts(f"response.{VICTIM}.accepted.v1"),
    asks(f"CONSUMER.DURABLE.CREATE.DISPATCH.{INTRUDER}", _consumer(INTRUDER, filter_subject="dispatch.>")),
    asks(f"CONSUMER.CREATE.DISPATCH.{INTRUDER}.dispatch.>", _consumer(INTRUDER, filter_subject="dispatch.>")),
    asks(
        f"CONSUMER.DURABLE.CREATE.DISPATCH.{VICTIM}",
        _consumer(VICTIM, filter_subject=f"dispatch.{VICTIM}.>", max_ack_pending=1),
    ),
    asks(f"CONSUMER.DELETE.DISPATCH.{VICTIM}"),
    asks(f"CONSUMER.DELETE.RESPONSE_{VICTIM}.{SERVICE}"),
    asks(f"CONSUMER.PAUSE.DISPATCH.{VICTIM}", {"pause_until": "2099-01-01T00:00:00Z"}),
    asks(f"CONSUMER.UNPIN.DISPATCH.hook_{VICTIM}", {"group": "hook"}),
    asks(f"CONSUMER.RESET.DISPATCH.{VICTIM}"),
    asks(f"CONSUMER.LEADER.STEPDOWN.DISPATCH.{VICTIM}", never=_ALONE),
    asks(f"CONSUMER.DELETE.NOTICE.{CHANNEL}"),
)


def _orders(subject: str, body: str | dict[str, object] = "", *, never: str = "") -> Attempt:
    """A request to the server itself. ``SERVER``, ``VICTIM`` stand for the server's id and the victim's connection."""

    async def act(bout: Bout) -> None:
        server, connection = bout.arena.server, bout.arena.client_ids["victim"]
        text = body if isinstance(body, str) else str(body).replace("'", '"')
        await bout.line.publish(
            subject.replace("SERVER_ID", server), text.replace('"VICTIM"', str(connection))
        )
        await bout.line.message(0.1)

    return does(f"{subject} {body or ''}".strip(), act, on=SYSTEM, never=never)


_SET = "keys are in the configuration: no claim changes an account"

SYSTEMS = (
    listens("$SYS.>", on=SYSTEM),
    listens("$SYS.ACCOUNT.>", on=SYSTEM),
    _orders("$SYS.REQ.SERVER.PING"),
    _orders("$SYS.REQ.SERVER.PING.VARZ"),
    _orders("$SYS.REQ.SERVER.PING.CONNZ", {"subscriptions": True, "auth": True}),
    _orders("$SYS.REQ.SERVER.PING.JSZ", {"accounts": True, "streams": True, "consumer": True}),
    _orders("$SYS.REQ.SERVER.PING.SUBSZ", {"subscriptions": True}),
    _orders("$SYS.REQ.SERVER.PING.ACCOUNTZ"),
    _orders("$SYS.REQ.SERVER.SERVER_ID.RELOAD"),
    _orders("$SYS.REQ.SERVER.SERVER_ID.KICK", {"cid": "VICTIM"}),
    _orders("$SYS.REQ.SERVER.SERVER_ID.LDM", {"cid": "VICTIM"}),
    _orders("$SYS.REQ.SERVER.SERVER_ID.PROFILEZ", {"name": "heap"}),
    _orders("$SYS.REQ.ACCOUNT.CORE.CONNZ"),
    _orders("$SYS.REQ.ACCOUNT.CORE.INFO"),
    _orders(f"$SYS.REQ.ACCOUNT.AG_{VICTIM}.SUBSZ"),
    _orders("$SYS.REQ.ACCOUNT.PING.STATZ"),
    _orders("$SYS.REQ.ACCOUNT.PING.CONNZ"),
    _orders("$SYS.REQ.USER.INFO"),
    _orders("$SYS.REQ.CLAIMS.LIST", never=_SET),
    _orders("$SYS.REQ.CLAIMS.UPDATE", "forged", never=_SET),
    _orders("$SYS.DEBUG.SUBSCRIBERS", ">"),
    _orders(
        "$SYS.SERVER.SERVER_ID.SHUTDOWN", never="who says that of a server that is there is not believed"
    ),
    _orders("$NRG.V.DISPATCH", "forged", never=_ALONE),
    _orders("$GR.1", "forged", never="no gateway is configured"),
)
