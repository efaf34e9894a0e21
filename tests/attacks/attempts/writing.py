"""Speaking in another's name, and having answers sent into another's house."""

from __future__ import annotations

from deploy.keys import ADMIN
from tests.attacks.arena import SERVICE
from tests.attacks.attempts.making import ONE, OWN, OWN_PULL, does, order_to, receipt_to, says
from tests.attacks.installed import CHANNEL, NEIGHBOUR, TEAM, VICTIM
from tests.attacks.judging import Bout
from tests.attacks.loose import EXPORTS, INTRUDER, PERMISSIONS

WRITING = (
    says(f"response.{VICTIM}.accepted.v1", on=EXPORTS),
    says(f"response.{NEIGHBOUR}.accepted.v1"),
    says(f"dispatch.{VICTIM}.withdrawn.v1"),
    says(f"dispatch.{VICTIM}.assigned.v1", on=EXPORTS),
    says(f"dispatch.{INTRUDER}.assigned.v1", words="sends itself an order in the system's name"),
    says(f"intake.{CHANNEL}.submitted.v1"),
    says(f"field.{TEAM}.revisited.v1"),
    says(f"notice.{CHANNEL}.closed.v1"),
    says(f"revisit.{TEAM}.due.v1"),
    says("appeal.registered.v1"),
    says("case.closed.v1"),
    says("assignment.resolved.v1"),
    says("verification.held.v1"),
    says(f"inner.{SERVICE}.due.v1"),
    says(f"dead.{SERVICE}.RESPONSE_{VICTIM}"),
    says(f"tick.{SERVICE}", '{"at": "2030-01-01T00:00:00Z"}'),
    says(f"_INBOX.{VICTIM}.private"),
    says(f"_INBOX.{SERVICE}.private"),
    says(f"_INBOX.{ADMIN}.private"),
    says(
        f"response.{VICTIM}.accepted.v1",
        reply="",
        words="publishes the victim's word and asks for no receipt",
    ),
)

_NO_REQUEST = "what the server itself sends is no request to its API"
_PURGE = "$JS.API.STREAM.PURGE.DISPATCH"
_DELETE = f"$JS.API.STREAM.DELETE.RESPONSE_{VICTIM}"


async def _refusal_elsewhere(bout: Bout) -> None:
    headers = {"Nats-Expected-Stream": "ANOTHER"}
    await bout.line.publish(OWN, "mine", reply=f"response.{VICTIM}.accepted.v1", headers=headers)


async def _next_elsewhere(bout: Bout) -> None:
    """Acknowledges its own order and has the next one sent to a neighbour: an ack may carry a reply."""
    await bout.line.publish(OWN_PULL, ONE)
    if order := await bout.line.message():
        await bout.line.publish(order.reply, "+NXT", reply=f"response.{VICTIM}.accepted.v1")


async def _ack_receipt_elsewhere(bout: Bout) -> None:
    await bout.line.publish(OWN_PULL, ONE)
    if order := await bout.line.message():
        await bout.line.publish(order.reply, "+ACK", reply=f"response.{VICTIM}.accepted.v1")


async def _status_elsewhere(bout: Bout) -> None:
    """Pulls more than there is, without waiting: the server's "no messages" goes to the neighbour."""
    body = '{"batch": 50, "no_wait": true}'
    await bout.line.publish(OWN_PULL, body, reply=f"response.{VICTIM}.accepted.v1")


async def _heartbeats_elsewhere(bout: Bout) -> None:
    await bout.line.publish(OWN_PULL, '{"batch": 50, "no_wait": true}')
    body = '{"batch": 1, "expires": 400000000, "idle_heartbeat": 100000000}'
    await bout.line.publish(OWN_PULL, body, reply=f"_INBOX.{VICTIM}.private")


REPLYING = (
    receipt_to(f"response.{VICTIM}.accepted.v1"),
    receipt_to(f"intake.{CHANNEL}.submitted.v1"),
    receipt_to(f"dispatch.{VICTIM}.withdrawn.v1"),
    receipt_to("case.closed.v1"),
    receipt_to(f"dead.{SERVICE}.RESPONSE_{VICTIM}"),
    receipt_to(f"_INBOX.{VICTIM}.private"),
    receipt_to(f"_INBOX.{ADMIN}.private"),
    receipt_to(f"tick.{SERVICE}"),
    receipt_to(_PURGE, never=_NO_REQUEST),
    receipt_to(_DELETE, never=_NO_REQUEST),
    order_to(f"response.{VICTIM}.accepted.v1"),
    order_to(f"intake.{CHANNEL}.submitted.v1"),
    order_to(f"dispatch.{VICTIM}.assigned.v1"),
    order_to("case.closed.v1"),
    order_to(f"_INBOX.{VICTIM}.private"),
    order_to(f"tick.{SERVICE}"),
    order_to(_PURGE, never=_NO_REQUEST),
    does("has a refusal of its own message sent to the victim's ingress", _refusal_elsewhere, on=PERMISSIONS),
    does(
        "acks its own order with +NXT, the next sent to the victim's ingress", _next_elsewhere, on=PERMISSIONS
    ),
    does(
        "acks its own order, the server's word sent to the victim's ingress",
        _ack_receipt_elsewhere,
        on=PERMISSIONS,
    ),
    does("has a pull's \"no messages\" sent to the victim's ingress", _status_elsewhere, on=PERMISSIONS),
    does("has a pull's heartbeats sent to the victim's inbox", _heartbeats_elsewhere, on=PERMISSIONS),
)

_LITERAL = "wildcards in a published subject are letters, and no such stream listens"
_BROKEN = "no stream takes such a subject"

SUBJECTS = (
    says(f"response.{VICTIM}.>", words="publishes the victim's subject with a literal >"),
    says("response.>", words="publishes response.> literally", never=_LITERAL),
    says("response.*.accepted.v1", words="publishes response.*.accepted.v1 literally", never=_LITERAL),
    says(">", words="publishes > literally", never=_LITERAL),
    says("*.*.*.*", words="publishes *.*.*.* literally", never=_LITERAL),
    says(f"*.{VICTIM}.accepted.v1", words="publishes *.heating-zy.accepted.v1 literally", never=_LITERAL),
    says(f"response.{VICTIM}.accepted.v1 ", words="publishes the victim's subject with a space behind"),
    says(f" response.{VICTIM}.accepted.v1", words="publishes the victim's subject with a space before"),
    says(
        f"response.{VICTIM}\t.accepted.v1",
        words="publishes the victim's subject with a tab in it",
        never=_BROKEN,
    ),
    says(
        f"response.{VICTIM}\u0000.accepted.v1",
        words="publishes the victim's subject with a zero byte",
        never=_BROKEN,
    ),
    says(
        f"response..{VICTIM}.accepted.v1",
        words="publishes with an empty token before the victim",
        never=_BROKEN,
    ),
    says(
        f"response.{VICTIM}..accepted.v1",
        words="publishes with an empty token behind the victim",
        never=_BROKEN,
    ),
    says(f".response.{VICTIM}.accepted.v1", words="publishes with an empty first token", never=_BROKEN),
    says(f"response.{VICTIM}.", words="publishes with an empty last token", never=_BROKEN),
    says(f"RESPONSE.{VICTIM}.accepted.v1", words="publishes with the root in capitals", never=_BROKEN),
    says("response.HEATING-ZY.accepted.v1", words="publishes with the victim in capitals", never=_BROKEN),
    says(
        "response.heating-z.accepted.v1",
        words="publishes under the beginning of the victim's name",
        never=_BROKEN,
    ),
    says(
        "response.heаting-zy.accepted.v1",
        words="publishes with a Cyrillic letter in the victim's name",
        never=_BROKEN,
    ),
    says(
        f"response.{INTRUDER}.\\..{VICTIM}.v1",
        words="climbs from its own subject",
        never="no path is climbed",
    ),
)
