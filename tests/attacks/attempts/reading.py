"""Hearing and fetching what is meant for others."""

from __future__ import annotations

from deploy.keys import ADMIN
from tests.attacks.arena import SERVICE
from tests.attacks.attempts.making import OWN_PULL, asks, listens, says
from tests.attacks.installed import CHANNEL, TEAM, VICTIM
from tests.attacks.loose import EXPORTS, INTRUDER

LISTENING = (
    listens(f"dispatch.{VICTIM}.>"),
    listens("dispatch.>"),
    listens("dispatch.*.assigned.v1"),
    listens(">"),
    listens("*.*.*.*"),
    listens(f"*.{VICTIM}.>"),
    listens(f"response.{VICTIM}.>"),
    listens("response.>"),
    listens(f"intake.{CHANNEL}.>"),
    listens(f"field.{TEAM}.>"),
    listens("notice.>"),
    listens("revisit.>"),
    listens("case.>"),
    listens("appeal.>"),
    listens("assignment.>"),
    listens("verification.>"),
    listens("inner.>"),
    listens("dead.>"),
    listens(f"tick.{SERVICE}"),
    listens(f"tick.{SERVICE}", SERVICE),
    listens(f"dispatch.{VICTIM}.>", VICTIM),
    listens(f"_INBOX.{VICTIM}.>"),
    listens(f"_INBOX.{VICTIM}.private"),
    listens("_INBOX.>"),
    listens("_INBOX.*.>"),
    listens("_INBOX.*.private"),
    listens(f"_INBOX.{SERVICE}.>"),
    listens(f"_INBOX.{ADMIN}.>"),
    listens(f"$JS.API.CONSUMER.MSG.NEXT.DISPATCH.{VICTIM}"),
    listens("$JS.API.>"),
    listens("$JS.ACK.>"),
    listens(f"$JS.ACK.DISPATCH.{VICTIM}.>"),
    listens("$JS.EVENT.ADVISORY.>"),
)

_NEXT = "CONSUMER.MSG.NEXT"

FETCHING = (
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", {"batch": 2}, on=EXPORTS),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", {"batch": 1, "no_wait": True}),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", {"batch": 1, "expires": 2_000_000_000, "idle_heartbeat": 500_000_000}),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", {"batch": 1, "max_bytes": 100_000, "expires": 1_000_000_000}),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", "1"),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}", ""),
    asks(f"{_NEXT}.DISPATCH.hook_{VICTIM}", {"batch": 1, "group": "hook", "expires": 1_000_000_000}),
    asks(
        f"{_NEXT}.DISPATCH.hook_{VICTIM}",
        {"batch": 1, "group": "hook", "min_pending": 1},
        never="a pinned consumer knows no such pull",
    ),
    asks(f"{_NEXT}.RESPONSE_{VICTIM}.{SERVICE}", {"batch": 1}),
    asks(f"{_NEXT}.NOTICE.{CHANNEL}", {"batch": 1}),
    asks(f"{_NEXT}.REVISIT.{TEAM}", {"batch": 1}),
    asks(f"{_NEXT}.CASE.{SERVICE}", {"batch": 1}),
    asks(f"{_NEXT}.DISPATCH.{VICTIM}2", {"batch": 1}),
    says(
        f"$JS.API.{_NEXT}.DISPATCH.*",
        '{"batch": 2}',
        words=f"{_NEXT}.DISPATCH.* with a literal star",
        never="a star in a published subject is a letter: no consumer has that name",
    ),
    says(
        f"{OWN_PULL}.{VICTIM}",
        '{"batch": 2}',
        words="its own pull with the victim's name behind it",
        never="no such call",
    ),
    says(
        "$JS.API.CONSUMER.MSG.NEXT.DISPATCH.heating-ZY",
        '{"batch": 2}',
        words="pulls as the victim in other letters (heating-ZY)",
        never="names differ by case",
    ),
    asks("STREAM.MSG.GET.DISPATCH", {"seq": 1}),
    asks("STREAM.MSG.GET.DISPATCH", {"last_by_subj": f"dispatch.{VICTIM}.assigned.v1"}),
    asks("STREAM.MSG.GET.DISPATCH", {"next_by_subj": f"dispatch.{VICTIM}.>", "seq": 1}, on=EXPORTS),
    asks(f"STREAM.MSG.GET.RESPONSE_{VICTIM}", {"seq": 1}),
    asks("DIRECT.GET.DISPATCH", {"seq": 1}),
    asks(f"DIRECT.GET.DISPATCH.dispatch.{VICTIM}.assigned.v1"),
    asks("DIRECT.GET.DISPATCH", {"seq": 1, "batch": 10}),
    asks("DIRECT.GET.DISPATCH", {"multi_last": [f"dispatch.{VICTIM}.>"]}),
    asks("STREAM.INFO.DISPATCH", {"subjects_filter": ">"}),
    asks(f"STREAM.INFO.RESPONSE_{VICTIM}"),
    asks(f"STREAM.INFO.RESPONSE_{INTRUDER}"),
    asks("STREAM.NAMES"),
    asks("STREAM.NAMES", {"subject": f"response.{VICTIM}.>"}),
    asks("STREAM.LIST", on=EXPORTS),
    asks("CONSUMER.NAMES.DISPATCH"),
    asks("CONSUMER.LIST.DISPATCH"),
    asks(f"CONSUMER.INFO.DISPATCH.{VICTIM}"),
    asks(f"CONSUMER.INFO.DISPATCH.{INTRUDER}"),
    asks("INFO"),
    says(
        "$JS.hub.API.STREAM.NAMES",
        "",
        words="asks for streams under another domain",
        never="there is no domain",
    ),
    says("$KV.config.>", "", words="reads a key-value bucket", never="there is none"),
    says("$SRV.PING", "", words="asks which micro-services there are", never="none of ours is one"),
)
