"""Webhooks: what an answer means, how a delivery is signed, when the circuit opens and closes."""

from __future__ import annotations

import base64
import hmac
from itertools import pairwise

import pytest

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.hand import delay
from services.response.webhooks.domain.outcome import Delivered, Refused, Unwell, judged
from services.response.webhooks.domain.signature import key_of, new_secret, signed
from services.response.webhooks.domain.terms import LONGEST_DELAY, OPEN_AFTER

DOWN = Unwell("ConnectError")
REFUSED = Refused("422")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered(status: int) -> None:
    assert judged(status) == Delivered()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
def test_what_the_receiver_does_not_want_is_the_messages_matter(status: int) -> None:
    assert judged(status, said="no such order") == Refused(f"{status}: no such order")


@pytest.mark.parametrize("status", [100, 408, 425, 429, 500, 502, 503, 504])
def test_what_any_message_would_have_met_is_the_receivers_matter(status: int) -> None:
    assert isinstance(judged(status), Unwell)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_of_its_own_name(status: int) -> None:
    assert judged(status) == Unwell(f"{status}: redirects are not followed")


@pytest.mark.parametrize(
    ("status", "said", "wait"),
    [
        (429, "30", 30.0),
        (503, "7", 7.0),
        (429, "0", 1.0),
        (429, "99999999", LONGEST_DELAY),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", None),
        (429, "-5", None),
        (429, "", None),
        (500, "30", None),
    ],
)
def test_a_receiver_may_ask_to_be_left_alone_within_bounds(
    status: int, said: str, wait: float | None
) -> None:
    outcome = judged(status, said)

    assert isinstance(outcome, Unwell)
    assert outcome.wait == wait


def test_the_signature_is_that_of_the_published_scheme() -> None:
    """The vector of the test suites of Standard Webhooks' libraries."""
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_are_rotated_either_verifies() -> None:
    old, new = new_secret(), new_secret()

    given = signed("m", 5, "暖".encode(), [old, new])["webhook-signature"].split(" ")

    for secret, signature in zip((old, new), given, strict=True):
        digest = hmac.digest(key_of(secret), b"m.5." + "暖".encode(), "sha256")
        assert signature == "v1," + base64.b64encode(digest).decode()


def test_secrets_are_long_and_differ() -> None:
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()


@pytest.mark.parametrize("secret", ["", "abc", "whsec_*", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_what_is_no_secret_is_said(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        key_of(secret)


def test_delays_double_to_a_bound_and_are_only_ever_shortened() -> None:
    assert [delay(tries, 0.0) for tries in (1, 2, 3, 4, 9)] == [1, 2, 4, 8, 256]
    assert delay(10, 0.0) == delay(10_000, 0.0) == LONGEST_DELAY
    assert delay(3, 1.0) == pytest.approx(3.2)


def opened(at: float = 100.0) -> Circuit:
    circuit = Circuit()
    for sequence in range(1, OPEN_AFTER + 1):
        circuit.failed(sequence, DOWN, at)
    return circuit


def test_the_circuit_opens_after_failures_in_a_row_and_says_why() -> None:
    circuit = Circuit()
    for sequence in range(1, OPEN_AFTER):
        circuit.failed(sequence, DOWN, 0)
    assert circuit.opened is None

    circuit.failed(9, DOWN, 7.0)

    assert circuit.opened == 7.0
    assert circuit.reason == "ConnectError"


def test_a_success_between_begins_the_count_anew() -> None:
    circuit = Circuit()
    for sequence in range(1, 3 * OPEN_AFTER):
        circuit.failed(sequence, DOWN, 0)
        if sequence % 2 == 0:
            circuit.succeeded()

    assert circuit.opened is None


def test_one_message_that_is_refused_again_and_again_says_nothing_of_the_receiver() -> None:
    circuit = Circuit()
    for _ in range(3 * OPEN_AFTER):
        circuit.failed(1, REFUSED, 0)

    assert circuit.opened is None


def test_many_that_are_refused_with_none_taken_between_do() -> None:
    circuit = Circuit()
    for sequence in range(OPEN_AFTER):
        circuit.failed(sequence, REFUSED, 0)

    assert circuit.opened == 0


def test_while_it_is_open_one_probe_at_a_time_is_let_through_when_it_is_due() -> None:
    circuit = opened(100.0)

    assert not circuit.lets(1, 100.5, busy=0)
    assert circuit.lets(1, 101.0, busy=0)
    assert not circuit.lets(1, 101.0, busy=1)


def test_probes_come_at_growing_intervals_so_that_a_minutes_outage_ends_soon() -> None:
    circuit, now, probes = opened(0.0), 0.0, []
    while now < 4 * 3600:
        assert circuit.probe_at is not None
        now = circuit.probe_at
        probes.append(now)
        circuit.failed(1, DOWN, now)

    pauses = [later - sooner for sooner, later in pairwise(probes)]
    assert all(pause <= 12 for probe, pause in zip(probes, pauses, strict=False) if probe <= 70)
    assert max(pauses) == LONGEST_DELAY
    assert pauses == sorted(pauses)


def test_a_probe_that_succeeds_closes_it() -> None:
    circuit = opened()

    assert circuit.succeeded() is True
    assert circuit.lets(1, 100.0, busy=3)
    assert circuit.succeeded() is False


def test_if_only_one_message_failed_another_need_not_wait_to_be_the_probe() -> None:
    circuit = Circuit()
    for _ in range(OPEN_AFTER):
        circuit.failed(1, Unwell("500"), 0.0)

    assert not circuit.lets(1, 0.5, busy=0)
    assert circuit.lets(2, 0.5, busy=0)
    circuit.failed(2, Unwell("500"), 0.5)
    assert not circuit.lets(3, 0.6, busy=0)


def test_who_asks_to_be_left_alone_is_at_once() -> None:
    circuit = Circuit()
    circuit.failed(1, Unwell("429", wait=30.0), 0.0)

    assert not circuit.lets(2, 29.0, busy=0)
    assert circuit.lets(2, 30.0, busy=0)
