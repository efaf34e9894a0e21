import re
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.keys import new_seed, public_key
from deploy.nats_config import Tls, accounts, server_config
from deploy.nats_permissions import RESERVED, service_permissions, tenant_subjects
from shared.contracts.streams import INGRESS_QUOTA_BYTES, SERVICES
from shared.policy.tenants import MOST_QUOTA_BYTES, Key, Tenant
from tests.support.engines import OUTSIDERS, outsider

NOW = datetime(2026, 11, 15, tzinfo=UTC)
KEYED = tuple(
    one.model_copy(update={"keys": (Key(public=public_key(new_seed()), since=NOW),)}) for one in OUTSIDERS
)

HOOKS = {
    "$JS.API.CONSUMER.INFO.DISPATCH.*",
    "$JS.API.CONSUMER.MSG.NEXT.DISPATCH.*",
    "$JS.ACK.DISPATCH.*.>",
    "$JS.API.STREAM.MSG.GET.UNDELIVERED",
    "$JS.API.STREAM.MSG.DELETE.UNDELIVERED",
}
"""What response may ask besides what every service may: it delivers to agencies' own addresses."""


def public(name: str) -> str:
    return f"U:{name}"


def the_account(tenant: Tenant, among: tuple[Tenant, ...] = KEYED) -> dict[str, Any]:
    found = [account for name, account in accounts(among, public).items() if name.endswith(f"_{tenant.id}")]
    assert len(found) == 1
    result: dict[str, Any] = found[0]
    return result


@pytest.mark.parametrize("tenant", KEYED, ids=lambda tenant: tenant.id)
def test_a_tenant_is_granted_its_own_subjects_and_no_other(tenant: Tenant) -> None:
    (user,) = the_account(tenant)["users"]

    granted = user["permissions"]["publish"]["allow"] + user["permissions"]["subscribe"]["allow"]

    assert user["nkey"] == tenant.keys[0].public
    assert len(granted) == 4
    assert all(tenant.id in subject.split(".") for subject in granted)
    assert not any(token in ("*", ">") for subject in granted for token in subject.split(".")[:-1])


@pytest.mark.parametrize("tenant", KEYED, ids=lambda tenant: tenant.id)
def test_a_tenant_imports_exactly_what_is_exported_to_it(tenant: Tenant) -> None:
    core = accounts(KEYED, public)["CORE"]
    exported = [e["service"] for e in core["exports"] if e["accounts"][0].endswith(f"_{tenant.id}")]
    imported = [i["service"] for i in the_account(tenant)["imports"]]

    assert [i["subject"] for i in imported] == exported == [s for s, _ in tenant_subjects(tenant)]
    assert {i["account"] for i in imported} == {"CORE"}


def test_every_export_names_the_one_account_it_is_for() -> None:
    exports = accounts(KEYED, public)["CORE"]["exports"]

    assert all(len(export["accounts"]) == 1 for export in exports)


def test_a_tenant_is_limited() -> None:
    limits = the_account(KEYED[0])["limits"]

    assert limits == {"max_connections": 20, "max_subscriptions": 100, "max_payload": 131_072}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_and_acks_only_through_consumers_of_its_name(service: str) -> None:
    publish = set(service_permissions(service).publish) - (HOOKS if service == "response" else set())

    pulls = [s for s in publish if s.startswith(("$JS.API.CONSUMER.MSG.NEXT.", "$JS.ACK."))]

    assert pulls
    assert all(service in subject.split(".") for subject in pulls)
    assert not any(verb in s for s in publish for verb in (".CREATE", ".UPDATE", ".DELETE", ".PURGE"))


def test_only_response_reads_by_other_consumers_and_only_what_it_has_written_itself() -> None:
    granted = {name: set(service_permissions(name).publish) for name in SERVICES}

    assert granted["response"] >= HOOKS
    assert not any(HOOKS & granted[name] for name in SERVICES if name != "response")
    beside = {s for s in granted["response"] - HOOKS if "DISPATCH" in s or "UNDELIVERED" in s}
    assert beside == set()
    for subject in HOOKS:
        (stream,) = {"DISPATCH", "UNDELIVERED"} & set(subject.split("."))
        writers = {name for name in SERVICES if f"{stream.lower()}.>" in granted[name]}
        assert writers == {"response"}, subject


def test_no_two_services_publish_the_same_events() -> None:
    roots = [s for name in SERVICES for s in service_permissions(name).publish if not s.startswith("$")]

    assert len(roots) == len(set(roots))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_tenant_cannot_carry_the_name_of_a_service(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        accounts([outsider(name, "agency")], public)


def test_a_tenant_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="heating-zy"):
        accounts([outsider("heating-zy", "agency"), outsider("heating-zy", "channel")], public)


def test_with_a_certificate_the_server_speaks_nothing_but_tls() -> None:
    tls = Tls("/etc/tls/server.pem")

    text = server_config(KEYED, public, listen="127.0.0.1:4222", store="/data", tls=tls)

    (block,) = re.findall(r"^tls: \{(.*?)^\}", text, re.M | re.S)
    assert 'cert_file: "/etc/tls/server.pem"' in block
    assert 'min_version: "1.2"' in block
    assert "allow_non_tls" not in text


def test_the_configuration_holds_no_password_and_syncs_always() -> None:
    text = server_config(KEYED, public, listen="127.0.0.1:4222", store="/data")

    assert 'sync_interval: "always"' in text
    assert "password" not in text
    assert "no_auth_user" not in text


def reserved(config: str) -> int:
    """The bound of the server's store."""
    return int(re.findall(r"max_file_store: (\d+)", config)[0])


def with_quotas(count: int, size: int, **fields: Any) -> list[Tenant]:
    quota = KEYED[0].quota.model_copy(update={"bytes": size})
    return [outsider(f"a{i}", "agency").model_copy(update={"quota": quota} | fields) for i in range(count)]


def test_the_store_s_bound_follows_the_quotas_up_and_never_down() -> None:
    """A server refuses to read a configuration with a lower one, and with it every change that it holds."""
    few, many = with_quotas(3, INGRESS_QUOTA_BYTES), with_quotas(260, MOST_QUOTA_BYTES)
    at_first = server_config(few, public, listen="x:1", store="/data")

    grown = server_config(many, public, listen="x:1", store="/data", before=at_first)
    shrunk = server_config(few, public, listen="x:1", store="/data", before=grown)

    assert reserved(at_first) < reserved(grown)
    assert reserved(shrunk) == reserved(grown)
    assert server_config(few, public, listen="x:1", store="/data", before="of a person's own") == at_first


def test_who_was_removed_takes_nothing_up() -> None:
    gone = with_quotas(260, MOST_QUOTA_BYTES, state="removed")

    text = server_config([*KEYED, *gone], public, listen="x:1", store="/data")

    assert reserved(text) == reserved(server_config(KEYED, public, listen="x:1", store="/data"))
