"""Who may say and hear what on NATS: services, who sets them up and who changes the registry, tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.keys import ADMIN, SYSTEM
from shared.contracts.behind import APPEALS_ASKED
from shared.contracts.streams import DEAD, EGRESS, HOOKS_ASKED, INGRESS, OURS, SERVICES
from shared.policy.tenants import Tenant

RESERVED = frozenset((*SERVICES, ADMIN, SYSTEM))
"""Names a tenant may not have: a consumer of that name would belong to a service."""

_SPEAKS: Mapping[str, tuple[str, ...]] = {
    "intake": ("appeal.>", "notice.>", "intake.>"),
    "routing": ("case.>",),
    "response": ("assignment.>", "dispatch.>", "response.>"),
    "revisit": ("verification.>", "revisit.>", "field.>"),
    "metrics": (),
}
"""Service -> what it publishes besides its inner events; the ingress roots are those its HTTP front writes
to."""

INNER_STEPS = frozenset(("intake", "routing", "response", "revisit"))
"""Services with events from one of their documents to another."""

SWEEPERS = frozenset(("intake", "routing", "response", "revisit"))
"""Services that hear ticks, and answer them."""

_READS = {
    "routing": ("APPEAL", "ASSIGNMENT", "INNER", "VERIFICATION"),
    "metrics": ("APPEAL", "ASSIGNMENT", "CASE", "VERIFICATION"),
}
"""Service -> the streams it has a consumer on. The others also read a stream per tenant, and a subject cannot say `all
that begin with INTAKE_`: they may name any stream, which gives them nothing where no consumer carries their name."""

_READS_ALL = (
    *(f"$JS.API.CONSUMER.LIST.{stream.name}" for stream in OURS if stream is not DEAD),
    *(f"$JS.API.CONSUMER.INFO.*.{service}" for _, _, service in INGRESS.values()),
)
"""What metrics asks in addition, to show the lag of all."""

_HOOKS = (
    "$JS.API.CONSUMER.INFO.DISPATCH.*",
    "$JS.API.CONSUMER.MSG.NEXT.DISPATCH.*",
    "$JS.ACK.DISPATCH.*.>",
    "undelivered.>",
    "$JS.API.STREAM.MSG.GET.UNDELIVERED",
    "$JS.API.STREAM.MSG.DELETE.UNDELIVERED",
    HOOKS_ASKED,
)
"""What response needs to deliver to agencies' own addresses. `hook_<agency>` cannot be said more narrowly, but response
is the author of all that is in DISPATCH and learns nothing by it; what it cannot deliver it keeps on a list of its own.
"""


@dataclass(frozen=True)
class Permissions:
    """Subjects a user may publish to and subscribe to; nothing else."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    responses: bool = False


def service_permissions(service: str) -> Permissions:
    """A service speaks its own events and reads through consumers that carry its name; at the start it looks whether
    our streams are as they should be."""
    looks = ("*",) if service not in _READS else tuple(stream.name for stream in OURS)
    reads = (
        *(f"$JS.API.STREAM.INFO.{stream}" for stream in looks),
        *(
            subject
            for stream in _READS.get(service, ("*",))
            for subject in (
                f"$JS.API.CONSUMER.INFO.{stream}.{service}",
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{service}",
                f"$JS.ACK.{stream}.{service}.>",
            )
        ),
    )
    ticks = (f"tick.{service}",) if service in SWEEPERS else ()
    return Permissions(
        publish=(
            *_SPEAKS[service],
            *((f"inner.{service}.>",) if service in INNER_STEPS else ()),
            f"dead.{service}.>",
            *ticks,
            *reads,
            *(_READS_ALL if service == "metrics" else ()),
            *(_HOOKS if service == "response" else ()),
            *((APPEALS_ASKED,) if service == "routing" else ()),
        ),
        subscribe=(
            f"_INBOX.{service}.>",
            *ticks,
            *((HOOKS_ASKED,) if service == "response" else ()),
            *((APPEALS_ASKED,) if service == "intake" else ()),
        ),
        responses=service in SWEEPERS,
    )


def admin_permissions() -> Permissions:
    """The setup step and the replay: all of the JetStream API, and publishing anything."""
    return Permissions(publish=(">",), subscribe=(f"_INBOX.{ADMIN}.>",))


def system_permissions() -> Permissions:
    """Who changes the registry: asks which servers there are, and tells each to read its configuration again."""
    reload = ("$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.*.RELOAD")
    return Permissions(publish=reload, subscribe=(f"_INBOX.{SYSTEM}.>",))


def tenant_subjects(tenant: Tenant) -> tuple[tuple[str, bool], ...]:
    """What is exported to one tenant: (subject, answered by a stream of messages)."""
    stream = EGRESS[tenant.kind].name
    _, root, _ = INGRESS[tenant.kind]
    return (
        (f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{tenant.id}", True),
        (f"$JS.ACK.{stream}.{tenant.id}.>", False),
        (f"{root}.{tenant.id}.>", False),
    )


def tenant_permissions(tenant: Tenant) -> Permissions:
    """What is exported to it, and its own inbox."""
    subjects = tuple(subject for subject, _ in tenant_subjects(tenant))
    return Permissions(subjects, (f"_INBOX.{tenant.id}.>",))
