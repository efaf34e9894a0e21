"""What Prometheus is shown of webhooks; the only label that grows is the agency."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge

CIRCUIT = "nuanliu_webhook_circuit_open"
WAITING = "nuanliu_webhook_waiting"
DELIVERIES = "nuanliu_webhook_deliveries"
OUTCOMES = ("delivered", "refused", "failed", "given_up")


class Figures:
    """The gauges of an agency are shown by the copy that delivers to it, and by no other."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge(
            CIRCUIT, "1 while an agency's address is given a rest", ["agency"], registry=registry
        )
        self._waiting = Gauge(
            WAITING, "Messages not yet delivered to an agency's address", ["agency"], registry=registry
        )
        self._deliveries = Counter(
            DELIVERIES, "What tries came to, and given_up", ["agency", "outcome"], registry=registry
        )

    def begin(self, agency: str) -> None:
        """Shown from the first: what appears at one has not increased, as Prometheus reads it."""
        for outcome in OUTCOMES:
            self._deliveries.labels(agency, outcome)

    def circuit(self, agency: str, is_open: bool) -> None:
        self._open.labels(agency).set(is_open)

    def waiting(self, agency: str, number: int) -> None:
        self._waiting.labels(agency).set(number)

    def count(self, agency: str, outcome: str) -> None:
        self._deliveries.labels(agency, outcome).inc()

    def forget(self, agency: str) -> None:
        """Another copy delivers, or nobody any more."""
        for gauge in (self._open, self._waiting):
            with suppress(KeyError):
                gauge.remove(agency)
