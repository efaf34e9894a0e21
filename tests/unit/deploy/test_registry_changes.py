"""What may be changed about tenants, and what is refused by field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy import SAMPLE
from deploy.keys import new_seed, public_key
from deploy.registry import changes
from deploy.registry.changes import RegistryError
from deploy.registry.file import RegistryBusy, alone, note, noted, write
from shared.policy import Live, PolicyError, load
from shared.policy.tenants import Key, Seat, Tenant, Tenants, Token
from tests.support.engines import outsider

HERE = load(SAMPLE).tenants
AT = datetime(2026, 11, 15, 8, tzinfo=UTC)
AGENCY = HERE.of_kind("agency")[0].id
TEAM_OF_ALL = next(t.id for t in HERE.of_kind("team") if "*" in t.serves)
WHAT_A_NAME_IS = {"id", "kind", "agency_kind", "name_zh", "name_en", "state", "rights"}


def key() -> str:
    return public_key(new_seed())


def test_a_newcomer_is_let_in_by_its_key() -> None:
    newcomer = outsider("property-new", "agency").model_copy(update={"keys": (Key(public=key(), since=AT),)})

    after = changes.add(HERE, newcomer)

    assert after.get("property-new") == newcomer
    assert newcomer.entry_keys == (newcomer.keys[0].public,)


@pytest.mark.parametrize(
    ("id", "why"),
    [("admin", "reserved"), ("system", "reserved"), ("routing", "reserved"), (AGENCY, "exists")],
)
def test_an_id_is_given_once_and_never_one_of_ours(id: str, why: str) -> None:
    with pytest.raises(RegistryError, match=why) as refused:
        changes.add(HERE, outsider(id, "agency"))

    assert refused.value.field == "id"


def test_while_keys_are_rotated_both_let_in_and_then_only_the_new_one() -> None:
    old, new, newest = key(), key(), key()
    first = changes.rotate(HERE, AGENCY, old, AT)
    both = changes.rotate(first, AGENCY, new, AT)

    assert changes.known(both, AGENCY).entry_keys == (old, new)
    with pytest.raises(RegistryError, match="rotated already"):
        changes.rotate(both, AGENCY, newest, AT)
    assert changes.known(changes.end_rotation(both, AGENCY), AGENCY).entry_keys == (new,)
    assert changes.known(changes.rotate(both, AGENCY, newest, AT, at_once=True), AGENCY).entry_keys == (
        newest,
    )
    with pytest.raises(RegistryError, match="not being rotated"):
        changes.end_rotation(first, AGENCY)


def test_a_key_opens_one_account_only() -> None:
    shared = key()
    first = changes.rotate(HERE, AGENCY, shared, AT)

    with pytest.raises(RegistryError, match="one key for several"):
        changes.rotate(first, TEAM_OF_ALL, shared, AT)


def test_a_suspended_agency_is_kept_out_and_gets_nothing_new() -> None:
    before = changes.rotate(HERE, AGENCY, key(), AT)
    after = changes.suspend(before, AGENCY)
    kind = str(changes.known(after, AGENCY).agency_kind)
    place = load(SAMPLE).places.place("nh-01")
    assert place is not None

    assert changes.known(after, AGENCY).entry_keys == ()
    assert AGENCY in before.agencies_for(kind, place)
    assert AGENCY not in after.agencies_for(kind, place)
    assert changes.resume(after, AGENCY) == before


def test_removal_goes_by_way_of_suspension_and_takes_the_id_for_ever() -> None:
    with pytest.raises(RegistryError, match="must be suspended"):
        changes.remove(HERE, AGENCY)
    desk = {"name": "值班室", "phone": "0371-12345678"}
    whole = changes.change(HERE, AGENCY, {"contacts": [desk], "quota": {"bytes": 1024 * 1024}})
    whole = changes.hook(changes.rotate(whole, AGENCY, key(), AT), AGENCY, "https://example.org/in", "s", AT)
    whole = changes.with_token(whole, AGENCY, Token(id="token1", sha256="1" * 64, since=AT))

    gone = changes.remove(changes.suspend(whole, AGENCY), AGENCY)

    assert AGENCY not in {tenant.id for tenant in gone.present}
    name = gone.get(AGENCY)
    assert name is not None
    assert name.name_zh
    assert set(name.model_dump(exclude_defaults=True)) == WHAT_A_NAME_IS
    with pytest.raises(RegistryError, match="not given again"):
        changes.add(gone, outsider(AGENCY, "agency"))
    with pytest.raises(RegistryError, match="was removed"):
        changes.resume(gone, AGENCY)


def test_the_last_team_that_goes_everywhere_stays() -> None:
    with pytest.raises(RegistryError, match="team serving"):
        changes.suspend(HERE, TEAM_OF_ALL)


def test_what_is_changed_replaces_what_was_there_and_is_checked() -> None:
    after = changes.change(HERE, AGENCY, {"serves": ["nh-01"], "quota": {"connections": 3}})

    changed = changes.known(after, AGENCY)
    assert (changed.serves, changed.quota.connections, changed.quota.subscriptions) == (("nh-01",), 3, 100)
    with pytest.raises(RegistryError) as refused:
        changes.change(HERE, AGENCY, {"quota": {"connections": 0}})
    assert refused.value.field == "quota.connections"


def seat(id: str, role: str = "desk") -> Seat:
    return changes.described_seat({"id": id, "role": role, "name_zh": "值班席", "name_en": "Duty desk"})


def test_a_seat_of_the_centre_holds_tokens_beside_the_tenants_and_is_kept_in_the_file(tmp_path: Path) -> None:
    one, two, three = (Token(id=f"token{i}", sha256=f"{i}" * 64, since=AT) for i in range(3))
    held = changes.add_seat(changes.with_token(HERE, AGENCY, one), seat("duty"))
    held = changes.with_seat_token(changes.with_seat_token(held, "duty", two), "duty", three)
    path = tmp_path / "tenants.yaml"

    write(path, held)
    read = Live(SAMPLE, path).now.tenants

    assert read.seats == held.seats
    assert (
        read.seat_by_token(two.sha256) == read.seat_by_token(three.sha256) == changes.known_seat(read, "duty")
    )
    assert (read.seat_by_token(one.sha256), read.by_token(two.sha256)) == (None, None)
    left = changes.without_seat_token(read, "duty", two.id)
    assert [token.id for token in changes.known_seat(left, "duty").tokens] == [three.id]
    newest = changes.with_seat_token(read, "duty", one.model_copy(update={"sha256": "f" * 64}), at_once=True)
    assert [token.sha256[0] for token in changes.known_seat(newest, "duty").tokens] == ["f"]
    with pytest.raises(RegistryError, match="no such token"):
        changes.without_seat_token(left, "duty", two.id)


def test_a_change_of_a_tenant_leaves_the_seats_and_the_other_way_round() -> None:
    seated = changes.add_seat(HERE, seat("duty"))

    assert changes.suspend(seated, AGENCY).seats == seated.seats
    assert (
        changes.add_seat(changes.suspend(HERE, AGENCY), seat("duty")).tenants
        == changes.suspend(HERE, AGENCY).tenants
    )


def test_a_stack_that_starts_again_keeps_its_seats_and_meets_whom_the_district_named_since() -> None:
    before = changes.add_seat(changes.suspend(HERE, AGENCY), seat("duty"))
    named = changes.add_seat(changes.add_seat(HERE, seat("duty", "leader")), seat("night"))

    after = changes.extended(before, changes.add(named, outsider("property-new", "agency")))

    assert [(one.id, one.role) for one in after.seats] == [("duty", "desk"), ("night", "desk")]
    assert changes.known(after, AGENCY).state == "suspended"
    assert after.tenants[:-1] == before.tenants
    assert after.tenants[-1].id == "property-new"


def test_a_removed_seat_holds_no_token_and_its_id_is_not_given_again() -> None:
    token = Token(id="token1", sha256="1" * 64, since=AT)
    held = changes.with_seat_token(changes.add_seat(HERE, seat("duty")), "duty", token)

    gone = changes.remove_seat(held, "duty")

    assert gone.seat_by_token(token.sha256) is None
    for id in ("duty", AGENCY, "routing"):
        with pytest.raises(RegistryError) as refused:
            changes.add_seat(gone, seat(id))
        assert refused.value.field == "id"
    with pytest.raises(RegistryError, match="no such seat"):
        changes.with_seat_token(gone, "duty", token)


def test_a_token_is_one_holders_only_and_a_role_is_one_that_there_is() -> None:
    token = Token(id="token1", sha256="1" * 64, since=AT)
    held = changes.add_seat(changes.with_token(HERE, AGENCY, token), seat("duty"))

    with pytest.raises(RegistryError, match="one token for several"):
        changes.with_seat_token(held, "duty", token)
    with pytest.raises(RegistryError) as refused:
        seat("duty", "chief")
    assert refused.value.field == "role"


def test_tokens_come_and_go_one_by_one() -> None:
    one, two = (Token(id=f"token{i}", sha256=f"{i}" * 64, since=AT) for i in range(2))
    held = changes.with_token(changes.with_token(HERE, AGENCY, one), AGENCY, two)

    assert held.by_token(one.sha256) == changes.known(held, AGENCY)
    left = changes.without_token(held, AGENCY, one.id)
    assert (left.by_token(one.sha256), left.by_token(two.sha256)) == (None, changes.known(left, AGENCY))
    with pytest.raises(RegistryError, match="no such token"):
        changes.without_token(left, AGENCY, one.id)


def test_a_webhook_keeps_two_secrets_while_they_are_rotated() -> None:
    after = HERE
    for secret in ("first", "second", "third"):
        after = changes.hook(after, AGENCY, "https://example.org/in", secret, AT)

    hooked = changes.known(after, AGENCY)
    assert hooked.webhook is not None
    assert hooked.webhook.secrets == ("second", "third")
    leaked = changes.hook(after, AGENCY, "https://example.org/in", "fourth", AT, at_once=True)
    (webhook,) = (tenant.webhook for tenant in leaked.tenants if tenant.webhook)
    assert webhook.secrets == ("fourth",)
    assert "webhook" in hooked.rights
    assert changes.known(changes.unhook(after, AGENCY), AGENCY).webhook is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["rotate", "at_once", "end", "suspend", "resume", "remove"]),
            st.sampled_from([AGENCY, TEAM_OF_ALL, HERE.of_kind("channel")[0].id]),
        ),
        max_size=30,
    )
)
def test_whatever_is_changed_in_whatever_order_the_registry_stays_sound(steps: list[tuple[str, str]]) -> None:
    tenants: Tenants = HERE
    for step, id in steps:
        before = tenants
        try:
            match step:
                case "rotate" | "at_once":
                    tenants = changes.rotate(tenants, id, key(), AT, at_once=step == "at_once")
                case "end":
                    tenants = changes.end_rotation(tenants, id)
                case _:
                    tenants = getattr(changes, step)(tenants, id)
        except RegistryError:
            assert tenants is before
    for tenant in tenants.tenants:
        assert len(tenant.keys) <= 2
        assert tenant.active or not tenant.entry_keys
        assert tenant.state != "removed" or not (tenant.keys or tenant.tokens or tenant.webhook)
    assert [t.id for t in tenants.tenants] == [t.id for t in HERE.tenants]


def test_what_is_written_is_read_again_the_same_and_keeps_the_comment_above(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    path.write_text("# 本区的登记\n# second line\ntenants: []\n", encoding="utf-8")
    tenants = changes.rotate(HERE, AGENCY, key(), AT)

    write(path, tenants)

    assert path.read_text(encoding="utf-8").startswith("# 本区的登记\n# second line\ntenants:\n")
    assert load(SAMPLE, path).tenants == tenants
    assert list(tmp_path.iterdir()) == [path]


def test_the_audit_is_a_line_for_each_change(tmp_path: Path) -> None:
    for action in ("add", "rotate"):
        note(tmp_path / "audit.jsonl", at=AT, by="operator", action=action, tenant="x1", details={"n": 1})

    lines = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()

    assert [yaml.safe_load(line)["action"] for line in lines] == ["add", "rotate"]


def test_two_do_not_change_it_at_once(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(RegistryBusy), alone(tmp_path):
        pass


def test_a_registry_in_use_is_read_again_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    write(path, HERE)
    live = Live(SAMPLE, path)
    assert not live.look()

    write(path, changes.suspend(HERE, AGENCY))

    assert live.look()
    assert changes.known(live.now.tenants, AGENCY).state == "suspended"
    assert not live.look()


def test_a_registry_that_cannot_be_used_is_told_once_and_the_one_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    write(path, HERE)
    live = Live(SAMPLE, path)
    path.write_text("tenants: [{id: X}]", encoding="utf-8")

    with pytest.raises(PolicyError, match=r"tenants\.0\.id"):
        live.look()

    assert not live.look()
    assert live.now.tenants == HERE
    path.unlink()
    with pytest.raises(PolicyError, match="No such file"):
        live.look()
    assert live.now.tenants == HERE


def test_a_tenant_is_described_soundly_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="right webhook belongs to agencies"):
        Tenant(id="c1", kind="channel", name_zh="某", name_en="C", rights=("webhook",))
    with pytest.raises(ValueError, match="pattern"):
        Key(public="SU" + "A" * 54, since=AT)


def test_a_line_of_the_audit_that_was_torn_spoils_neither_the_next_nor_the_reading(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    note(audit, at=AT, by="operator", action="add", tenant="x1", details={})
    with audit.open("ab") as file:
        file.write('{"at": "2026-11-25T1", "by": "操'.encode()[:-1])
    assert [one.get("action", "unreadable") for one in noted(audit)] == ["add", "unreadable"]

    note(audit, at=AT, by="operator", action="rotate", tenant="x1", details={})

    first, torn, last = noted(audit)
    assert (first["action"], last["action"]) == ("add", "rotate")
    assert torn == {"unreadable": '{"at": "2026-11-25T1", "by": "\ufffd'}
    assert noted(tmp_path / "none.jsonl") == []
