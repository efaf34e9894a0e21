"""What a service may say and read on NATS is what it says and reads, and nothing of what the others do."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from deploy.nats_permissions import INNER_STEPS, SWEEPERS, service_permissions
from deploy.topology import handled_events
from shared.contracts.base import Event
from shared.contracts.behind import APPEALS_ASKED
from shared.contracts.streams import (
    DEAD,
    HOOKS_ASKED,
    INGRESS,
    OURS,
    SERVICES,
    Consumer,
    ingress_consumer,
    service_consumers,
)

HANDLED = handled_events()
TENANT = {"channel": "hotline-12345", "agency": "heating-zy", "team": "team-east"}
FRONTS = {service: (kind, root) for kind, (_, root, service) in INGRESS.items()}
"""Service -> whose words its HTTP front takes, and on which root it stores them."""


def says(service: str) -> Iterator[str]:
    """Every subject a service publishes events on, with a tenant where one is named."""
    events: tuple[type[Event], ...] = ()
    if service != "metrics":
        events = tuple(import_module(f"shared.contracts.{service}").EVENTS)
    for event in events:
        yield event.subject("heating-zy") if event.to_tenant else event.subject()
    if service in FRONTS:
        kind, _ = FRONTS[service]
        for event in import_module(f"shared.contracts.{kind}").EVENTS:
            yield event.subject(TENANT[kind])
    for consumer in reads(service):
        yield f"dead.{service}.{consumer.stream}"
    if sweeps(service):
        yield f"tick.{service}"
    if service == "routing":
        yield APPEALS_ASKED


def reads(service: str) -> tuple[Consumer, ...]:
    """Every consumer a service pulls from."""
    own = service_consumers(service, HANDLED[service])
    if service not in FRONTS:
        return own
    kind, _ = FRONTS[service]
    return (*own, ingress_consumer(kind, TENANT[kind]))


def asks(service: str) -> Iterator[str]:
    """What a service asks JetStream, and how it acknowledges."""
    for stream in OURS:
        yield f"$JS.API.STREAM.INFO.{stream.name}"
    for one in reads(service):
        yield f"$JS.API.STREAM.INFO.{one.stream}"
        yield f"$JS.API.CONSUMER.INFO.{one.stream}.{one.name}"
        yield f"$JS.API.CONSUMER.MSG.NEXT.{one.stream}.{one.name}"
        yield f"$JS.ACK.{one.stream}.{one.name}.1.7.7.1700000000000000000.0"


def looks_at_all() -> Iterator[str]:
    """How metrics finds out what waits for whom."""
    for stream in OURS:
        if stream is not DEAD:
            yield f"$JS.API.CONSUMER.LIST.{stream.name}"
    for service, (kind, _) in FRONTS.items():
        yield f"$JS.API.CONSUMER.INFO.{ingress_consumer(kind, TENANT[kind]).stream}.{service}"


def needs(service: str) -> set[str]:
    every = {*says(service), *asks(service)}
    return every | set(looks_at_all()) if service == "metrics" else every


def sweeps(service: str) -> bool:
    return bool(import_module(f"services.{service}.app").SERVICE.sweeps)


def allowed(service: str, subject: str) -> bool:
    return any(covers(pattern, subject) for pattern in service_permissions(service).publish)


def covers(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return len(given) > place
        if place >= len(given) or token not in ("*", given[place]):
            return False
    return len(wanted) == len(given)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_all_it_does(service: str) -> None:
    assert [subject for subject in sorted(needs(service)) if not allowed(service, subject)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_nothing_of_what_only_others_do(service: str) -> None:
    others = set().union(*(needs(other) for other in SERVICES if other != service)) - needs(service)
    looks = ("$JS.API.STREAM.INFO.", *(("$JS.API.CONSUMER.INFO.",) if service == "metrics" else ()))
    elsewhere = {subject for subject in others if not subject.startswith(looks)}

    assert len(elsewhere) > 50
    assert [subject for subject in sorted(elsewhere) if allowed(service, subject)] == []


@pytest.mark.parametrize("service", ["routing", "metrics"])
def test_who_reads_no_tenant_s_stream_may_not_look_at_one(service: str) -> None:
    for kind, tenant in TENANT.items():
        stream = ingress_consumer(kind, tenant).stream

        assert not allowed(service, f"$JS.API.STREAM.INFO.{stream}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_its_answers_and_its_ticks(service: str) -> None:
    granted = service_permissions(service)

    ticks = (f"tick.{service}",) if sweeps(service) else ()
    hooks = (HOOKS_ASKED,) if service == "response" else ()
    appeals = (APPEALS_ASKED,) if service == "intake" else ()
    assert granted.subscribe == (f"_INBOX.{service}.>", *ticks, *hooks, *appeals)
    assert granted.responses == sweeps(service)


def test_the_tables_of_rights_are_what_the_services_are() -> None:
    inner = {service for service in SERVICES for subject in says(service) if subject.startswith("inner.")}

    assert inner == INNER_STEPS
    assert {service for service in SERVICES if sweeps(service)} == SWEEPERS


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_may_administer_jetstream(service: str) -> None:
    verbs = {
        subject.split(".")[2:][1] for subject in service_permissions(service).publish if "$JS.API" in subject
    }

    assert verbs <= {"INFO", "LIST", "MSG"}
    assert not allowed(service, "$JS.API.STREAM.MSG.GET.CASE")
