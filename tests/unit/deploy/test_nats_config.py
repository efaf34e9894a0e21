from typing import Any

import pytest

from deploy.nats_config import RESERVED, accounts, server_config, service_permissions, tenant_subjects
from shared.contracts.streams import SERVICES
from tests.support.engines import OUTSIDERS, Outsider


def public(name: str) -> str:
    return f"U:{name}"


def the_account(tenant: Outsider, among: tuple[Outsider, ...] = OUTSIDERS) -> dict[str, Any]:
    found = [account for name, account in accounts(among, public).items() if name.endswith(f"_{tenant.id}")]
    assert len(found) == 1
    result: dict[str, Any] = found[0]
    return result


@pytest.mark.parametrize("tenant", OUTSIDERS, ids=lambda tenant: tenant.id)
def test_a_tenant_is_granted_its_own_subjects_and_no_other(tenant: Outsider) -> None:
    (user,) = the_account(tenant)["users"]

    granted = user["permissions"]["publish"]["allow"] + user["permissions"]["subscribe"]["allow"]

    assert user["nkey"] == f"U:tenants/{tenant.id}"
    assert len(granted) == 4
    assert all(tenant.id in subject.split(".") for subject in granted)
    assert not any(token in ("*", ">") for subject in granted for token in subject.split(".")[:-1])


@pytest.mark.parametrize("tenant", OUTSIDERS, ids=lambda tenant: tenant.id)
def test_a_tenant_imports_exactly_what_is_exported_to_it(tenant: Outsider) -> None:
    core = accounts(OUTSIDERS, public)["CORE"]
    exported = [e["service"] for e in core["exports"] if e["accounts"][0].endswith(f"_{tenant.id}")]
    imported = [i["service"] for i in the_account(tenant)["imports"]]

    assert [i["subject"] for i in imported] == exported == [s for s, _ in tenant_subjects(tenant)]
    assert {i["account"] for i in imported} == {"CORE"}


def test_every_export_names_the_one_account_it_is_for() -> None:
    exports = accounts(OUTSIDERS, public)["CORE"]["exports"]

    assert all(len(export["accounts"]) == 1 for export in exports)


def test_a_tenant_is_limited() -> None:
    limits = the_account(OUTSIDERS[0])["limits"]

    assert limits == {"max_connections": 20, "max_subscriptions": 100, "max_payload": 131_072}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_and_acks_only_through_consumers_of_its_name(service: str) -> None:
    publish = service_permissions(service).publish

    pulls = [s for s in publish if s.startswith(("$JS.API.CONSUMER.MSG.NEXT.", "$JS.ACK."))]

    assert len(pulls) == 2
    assert all(service in subject.split(".") for subject in pulls)
    assert not any(verb in s for s in publish for verb in (".CREATE", ".UPDATE", ".DELETE", ".PURGE"))


def test_no_two_services_publish_the_same_events() -> None:
    roots = [s for name in SERVICES for s in service_permissions(name).publish if not s.startswith("$")]

    assert len(roots) == len(set(roots))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_tenant_cannot_carry_the_name_of_a_service(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        accounts([Outsider(name, "agency")], public)


def test_a_tenant_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="heating-zy"):
        accounts([Outsider("heating-zy", "agency"), Outsider("heating-zy", "channel")], public)


def test_the_configuration_holds_no_password_and_syncs_always() -> None:
    text = server_config(OUTSIDERS, public, listen="127.0.0.1:4222", store="/data")

    assert 'sync_interval: "always"' in text
    assert "password" not in text
    assert "no_auth_user" not in text
