from datetime import UTC, datetime, timedelta

import pytest

from deploy.topology import LET_GO, consumer_config, differs, stream_config, topology
from shared.contracts.base import Event
from shared.contracts.streams import OURS, UNDELIVERED, egress_consumer, ingress, ingress_consumer
from shared.following import LOOK_EVERY
from shared.loop.inlet import EXPIRES
from shared.policy.tenants import Webhook
from tests.support.engines import OUTSIDERS


class CaseLooked(Event, subject="case.looked.v1"):
    pass


class CaseHeard(Event, subject="case.heard.v1"):
    pass


class Sent(Event, subject="dispatch.{tenant}.sent.v1"):
    pass


def test_every_tenant_has_an_ingress_and_a_consumer_of_its_own() -> None:
    wanted = topology(OUTSIDERS, {})

    names = {stream.name for stream in wanted.streams} - {stream.name for stream in (*OURS, UNDELIVERED)}

    assert names == {
        "INTAKE_hotline-12345",
        "RESPONSE_heating-zy",
        "RESPONSE_housing-zy",
        "FIELD_team-east",
    }
    assert {(c.stream, c.name) for c in wanted.outer} == {
        ("NOTICE", "hotline-12345"),
        ("DISPATCH", "heating-zy"),
        ("DISPATCH", "housing-zy"),
        ("REVISIT", "team-east"),
    }
    assert {c.name for c in wanted.internal} == {"intake", "response", "revisit"}


def test_a_service_has_one_consumer_per_stream_for_what_it_handles() -> None:
    wanted = topology((), {"metrics": [CaseLooked, CaseHeard, Sent]})

    (consumer,) = wanted.internal

    assert (consumer.stream, consumer.name) == ("CASE", "metrics")
    assert consumer.filters == ("case.heard.v1", "case.looked.v1")


def test_the_window_can_be_shortened_for_our_own_streams_only() -> None:
    wanted = topology(OUTSIDERS, {}, window=timedelta(milliseconds=50))

    windows = {stream.name: stream.window for stream in wanted.streams}

    assert windows["CASE"] == timedelta(milliseconds=50)
    assert windows["RESPONSE_heating-zy"] == timedelta(milliseconds=100)


@pytest.mark.parametrize("stream", OURS, ids=lambda stream: stream.name)
def test_our_streams_keep_thirty_days_and_refuse_to_forget(stream: object) -> None:
    config = stream_config(stream)  # type: ignore[arg-type]

    assert config["max_age"] == 30 * 24 * 3600 * 10**9
    assert config["deny_delete"] is True
    assert config["retention"] == "limits"
    assert config["duplicate_window"] == 3600 * 10**9


def test_the_list_of_what_was_given_up_can_be_worked_off() -> None:
    config = stream_config(UNDELIVERED)

    assert UNDELIVERED in topology((), {}).streams
    assert config["deny_delete"] is False
    assert (config["retention"], config["max_age"]) == ("limits", 30 * 24 * 3600 * 10**9)


def test_an_agency_with_an_address_has_a_consumer_whose_reader_is_pinned() -> None:
    webhook = Webhook(url="https://a.example/", secrets=("sealed",), since=datetime(2026, 11, 15, tzinfo=UTC))
    agency = next(one for one in OUTSIDERS if one.kind == "agency")
    hooked = agency.model_copy(update={"rights": ("webhook",), "webhook": webhook})

    hooks = [c for c in topology((hooked,), {}).internal if c.name == f"hook_{agency.id}"]
    config = consumer_config(hooks[0])

    assert len(hooks) == 1
    assert config["filter_subject"] == f"dispatch.{agency.id}.>"
    assert (config["priority_policy"], config["priority_timeout"]) == ("pinned_client", 10 * 10**9)
    assert config["max_ack_pending"] == 256


def test_what_outsiders_write_is_a_work_queue_with_a_quota_and_no_special_headers() -> None:
    config = stream_config(ingress("agency", "heating-zy"), replicas=3)

    assert (config["retention"], config["discard"], config["num_replicas"]) == ("workqueue", "new", 3)
    assert config["max_bytes"] > 0
    assert config["duplicate_window"] == 100 * 10**6
    special = ("allow_rollup_hdrs", "allow_msg_ttl", "allow_msg_schedules", "allow_atomic", "allow_direct")
    assert [config[field] for field in special] == [False] * len(special)


def test_consumers_ack_explicitly_and_for_ever() -> None:
    mine = consumer_config(ingress_consumer("agency", "heating-zy"), timedelta(seconds=2))
    theirs = consumer_config(egress_consumer("agency", "heating-zy"))

    assert (mine["ack_policy"], mine["max_deliver"], mine["ack_wait"]) == ("explicit", -1, 2 * 10**9)
    assert (theirs["durable_name"], theirs["ack_wait"]) == ("heating-zy", 30 * 10**9)
    assert theirs["filter_subject"] == "dispatch.heating-zy.>"


def test_a_difference_is_named() -> None:
    config = consumer_config(egress_consumer("agency", "heating-zy"))

    assert differs(config, {**config, "metadata": {"anything": "else"}}) == []
    assert differs(config, {**config, "ack_wait": 1}) == ["ack_wait"]
    assert differs(config, {**config, "filter_subject": "", "filter_subjects": ["dispatch.>"]}) == [
        "filter_subject",
        "filter_subjects",
    ]
    assert differs({"deny_delete": False}, {}) == []
    assert differs({"deny_delete": True}, {}) == ["deny_delete"]


def test_a_removed_tenant_s_ingress_is_kept_for_as_long_as_a_service_may_still_pull_from_it() -> None:
    assert LET_GO.total_seconds() > EXPIRES + LOOK_EVERY
