import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.keys import KeyRing, new_seed, public_key
from deploy.local import endpoints
from deploy.local.engines import EngineMissing, program
from deploy.local.up import LocalStack, StackOptions
from deploy.mongo_users import user_url
from deploy.registry.changes import with_kept_keys
from tests.support.engines import OUTSIDERS


def described(directory: Path) -> dict[str, object]:
    keys = KeyRing(directory / "keys")
    return endpoints.describe(
        nats="nats://127.0.0.1:8091",
        mongo="mongodb://admin:x@127.0.0.1:8090/?authSource=admin",
        http={"intake": "http://127.0.0.1:8001"},
        tenants=with_kept_keys(OUTSIDERS, keys, datetime(2026, 11, 15, tzinfo=UTC)),
        keys=keys,
        examples=[{"submitted": {"text": "暖气不热"}}],
    )


def test_endpoints_have_the_shape_of_the_contract(tmp_path: Path) -> None:
    endpoints.write(tmp_path / "endpoints.json", described(tmp_path), {"nats": 7})

    found = json.loads((tmp_path / "endpoints.json").read_text())

    assert found.keys() == {"nats", "mongo", "http", "seeds", "tenants", "pids", "examples"}
    assert found["pids"] == {"nats": 7}
    assert found["examples"][0]["submitted"]["text"] == "暖气不热"
    assert found["tenants"]["team-east"] == {
        "kind": "team",
        "seed": str(tmp_path / "keys" / "tenants" / "team-east.seed"),
        "inbox_prefix": "_INBOX.team-east",
    }
    assert found["seeds"]["team-east"] == found["tenants"]["team-east"]["seed"]


def test_who_is_let_in_by_a_key_that_is_not_kept_here_is_not_named(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys")
    (rotated, *others) = with_kept_keys(OUTSIDERS, keys, datetime(2026, 11, 15, tzinfo=UTC))
    elsewhere = rotated.model_copy(
        update={"keys": (rotated.keys[0].model_copy(update={"public": public_key(new_seed())}),)}
    )

    found = endpoints.describe(
        nats="", mongo="", http={}, tenants=(elsewhere, *others), keys=keys, examples=[]
    )

    assert found["tenants"].keys() == {tenant.id for tenant in others}


def test_endpoints_are_replaced_whole_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.json"
    endpoints.write(path, described(tmp_path), {"nats": 7})
    before = path.open()

    endpoints.write(path, described(tmp_path), {"nats": 8})

    with before:
        assert json.load(before)["pids"] == {"nats": 7}
    assert json.loads(path.read_text())["pids"] == {"nats": 8}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["endpoints.json"]


def test_copies_have_names_and_ports_of_their_own(tmp_path: Path) -> None:
    stack = LocalStack(StackOptions(directory=tmp_path, port_base=8000, copies=2))

    assert stack.parts_of("routing") == ["routing", "routing-2"]
    assert [stack.http("intake", copy) for copy in (0, 1)] == [
        "http://127.0.0.1:8001",
        "http://127.0.0.1:8011",
    ]
    assert stack.http("metrics") == "http://127.0.0.1:8005"


@pytest.mark.parametrize("copies", [0, 9])
def test_more_copies_than_ports_are_refused(tmp_path: Path, copies: int) -> None:
    with pytest.raises(ValueError, match="copies"):
        LocalStack(StackOptions(directory=tmp_path, copies=copies))


def test_a_missing_server_program_says_how_to_get_it() -> None:
    with pytest.raises(EngineMissing, match=r"nuanliu\[embedded\]"):
        program("no-such-server")


def test_a_database_url_survives_any_password() -> None:
    assert user_url("db:27017", "intake", "a/b@c") == "mongodb://intake:a%2Fb%40c@db:27017/?authSource=intake"
