"""One agency's messages: from its consumer to its address, case by case in order, at least once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import structlog
from nats.aio.client import Client

from services.response.webhooks.domain.circuit import Circuit
from services.response.webhooks.domain.hand import Hand
from services.response.webhooks.domain.outcome import Delivered, Outcome, Refused, Unwell
from services.response.webhooks.domain.signature import signed
from services.response.webhooks.figures import Figures
from services.response.webhooks.outlet import Outlet
from services.response.webhooks.post import Post
from services.response.webhooks.undelivered import Undelivered, event_headers
from shared.contracts.streams import hook_consumer
from shared.loop.bus import Delivery, NotStored
from shared.loop.documents import Unreachable
from shared.loop.envelope import now
from shared.policy.tenants import Webhook

log = structlog.get_logger()

LOOK_SECONDS = 5.0
UNSURE_SECONDS = 0.25
PAUSE = 0.5
GRACE_SECONDS = 3.0
"""So long, when the service ends, for what is on its way."""

_ACK_WAIT = 2.0
"""Until the server has said how long it waits."""


@dataclass(frozen=True)
class Way:
    """What deliverers of all agencies share. ``open``: from a sealed secret to the secret, or SealError."""

    client: Client
    post: Post
    undelivered: Undelivered
    figures: Figures
    open: Callable[[str], str]


class Deliverer:
    """``webhook`` gives the address and secrets as they are now; None while nothing is to be delivered."""

    def __init__(self, agency: str, way: Way, webhook: Callable[[], Webhook | None]) -> None:
        self.agency = agency
        self._way = way
        self._webhook = webhook
        self._circuit = Circuit()
        self._hand = Hand(self._circuit, time.monotonic())
        self._url: str | None = None
        self._letters: dict[int, Delivery] = {}
        self._sends: dict[int, asyncio.Task[None]] = {}
        self._stir = asyncio.Event()
        self._unsure = asyncio.Event()
        self._ack_wait = _ACK_WAIT
        self._defect: BaseException | None = None
        self._last: dict[str, dict[str, Any]] = {}
        self._outlet = Outlet(
            way.client, hook_consumer(agency), "_INBOX.response.hook", self._arrived, self._start_over
        )

    async def run(self) -> None:
        """Delivers until cancelled; then finishes what is on its way and gives the rest back."""
        self._way.figures.begin(self.agency)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._outlet.keep_pulling())
                tasks.create_task(self._keep())
                tasks.create_task(self._look())
                tasks.create_task(self._hand_out())
        finally:
            await self._end()

    def state(self) -> dict[str, Any] | None:
        """How it stands, as JSON values; None where another copy delivers."""
        if not self._outlet.pin:
            return None
        opened, probe = self._circuit.opened, self._circuit.probe_at
        circuit: dict[str, Any] = {"state": "closed"}
        if opened is not None and probe is not None:
            circuit = {
                "state": "open",
                "reason": self._circuit.reason,
                "opened_at": _time_of_day(opened),
                "next_probe_at": _time_of_day(probe),
            }
        return {"circuit": circuit, "in_hand": len(self._hand), **self._last}

    def _arrived(self, delivery: Delivery, place: int) -> None:
        headers = delivery.headers or {}
        lane = headers.get("ce-subject") or f"message {delivery.sequence}"
        self._hand.take(delivery.sequence, place, lane, delivery.time)
        self._letters[delivery.sequence] = delivery
        if not self._hand.sure:
            self._unsure.set()
        self._stir.set()

    def _start_over(self) -> None:
        """Another copy has the pin: what is in hand comes to it, or comes again."""
        for send in self._sends.values():
            send.cancel()
        self._sends.clear()
        self._letters.clear()
        self._hand = Hand(self._circuit, time.monotonic())
        self._way.figures.forget(self.agency)

    async def _hand_out(self) -> None:
        while True:
            if self._defect is not None:
                raise self._defect
            self._stir.clear()
            wait: float | None = None
            webhook = self._webhook()
            url = webhook.url if webhook else None
            if url != self._url:
                self._url = url
                self._hand.begin_anew(time.monotonic())
            if len(self._hand):
                wait = self._start_what_is_due() if self._outlet.sure and webhook else PAUSE
            try:
                async with asyncio.timeout(wait):
                    await self._stir.wait()
            except TimeoutError:
                continue

    def _start_what_is_due(self) -> float | None:
        """Gives the seconds until there may be more."""
        clock = time.monotonic()
        for old in self._hand.outdated(clock, now()):
            self._begin(old, self._give_up(old, self._circuit.reason))
        while (sequence := self._hand.next(clock)) is not None:
            self._begin(sequence, self._deliver(sequence))
        wakes = self._hand.wakes()
        return wakes - clock if wakes is not None and wakes > clock else None

    def _begin(self, sequence: int, work: Any) -> None:
        task = asyncio.create_task(work, name=f"webhook {self.agency} {sequence}")
        self._sends[sequence] = task
        task.add_done_callback(lambda done: self._ended(sequence, done))

    def _ended(self, sequence: int, task: asyncio.Task[None]) -> None:
        if self._sends.get(sequence) is task:
            del self._sends[sequence]
        if not task.cancelled() and (error := task.exception()):
            self._defect = error
        self._stir.set()

    async def _deliver(self, sequence: int) -> None:
        delivery = self._letters[sequence]
        attempt = delivery.delivered - 1 + self._hand.tries(sequence)
        outcome = await self._try(delivery, attempt)
        was_open = self._circuit.opened is not None
        verdict = self._hand.came_out(sequence, outcome, time.monotonic(), now(), random.random())
        self._tell(delivery, outcome, was_open)
        if verdict == "delivered":
            await self._acknowledge(sequence)
        elif verdict == "given_up":
            assert not isinstance(outcome, Delivered)
            await self._give_up(sequence, outcome.reason)

    async def _try(self, delivery: Delivery, attempt: int) -> Outcome:
        webhook = self._webhook()
        if webhook is None:
            return Unwell("the webhook was just taken away")
        event = event_headers(delivery.headers or {})
        id = event.get("ce-id") or f"{delivery.stream}-{delivery.sequence}"
        try:
            secrets = [self._way.open(sealed) for sealed in webhook.secrets]
            proof = signed(id, int(time.time()), delivery.data, secrets)
            return await self._way.post.send(
                webhook.url, {**event, **proof, "nuanliu-attempt": str(attempt)}, delivery.data
            )
        except Exception as error:  # whatever it is, the message is kept, and it is told
            log.error("a delivery could not be made", agency=self.agency, exc_info=error)
            return Unwell(f"{type(error).__name__}: {error}")

    async def _give_up(self, sequence: int, reason: str) -> None:
        delivery = self._letters[sequence]
        attempts = delivery.delivered - 1 + self._hand.tries(sequence)
        while True:
            try:
                await self._way.undelivered.add(self.agency, delivery, reason, attempts)
                break
            except (Unreachable, NotStored) as error:
                log.error("a message that is given up cannot be kept yet", reason=str(error))
                await asyncio.sleep(LOOK_SECONDS)
        self._way.figures.count(self.agency, "given_up")
        log.warning(
            "a message is given up",
            agency=self.agency,
            subject=delivery.subject,
            attempts=attempts,
            reason=reason,
        )
        await self._acknowledge(sequence)

    async def _acknowledge(self, sequence: int) -> None:
        """Only with a pin that is certainly ours: else another copy could not tell what is still outstanding."""
        while True:
            if self._outlet.sure:
                try:
                    await self._outlet.acknowledge(self._letters[sequence])
                    break
                except Unreachable as error:
                    log.warning("an acknowledgement is missing", agency=self.agency, reason=str(error))
            await asyncio.sleep(PAUSE)
        self._hand.acknowledged(sequence)
        del self._letters[sequence]

    def _tell(self, delivery: Delivery, outcome: Outcome, was_open: bool) -> None:
        kind = {Delivered: "delivered", Refused: "refused", Unwell: "failed"}[type(outcome)]
        self._way.figures.count(self.agency, kind)
        event = {
            "at": now().isoformat(),
            "event_id": unquote((delivery.headers or {}).get("ce-id", "")),
        }
        if isinstance(outcome, Delivered):
            self._last["last_success"] = event
        else:
            self._last["last_failure"] = event | {"reason": outcome.reason}
        is_open = self._circuit.opened is not None
        self._way.figures.circuit(self.agency, is_open)
        if is_open and not was_open:
            log.warning("the circuit of a webhook opened", agency=self.agency, reason=self._circuit.reason)
        elif was_open and not is_open:
            log.info("the circuit of a webhook closed", agency=self.agency)

    async def _keep(self) -> None:
        """Nothing in hand is delivered again while it waits."""
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            for delivery in list(self._letters.values()):
                if not self._outlet.sure:
                    break
                try:
                    await self._outlet.still_at_it(delivery)
                except Unreachable:
                    break

    async def _look(self) -> None:
        """Asks the server how the consumer stands: now and then, and at once when something may be elsewhere."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._unsure.wait()
            except TimeoutError:
                pass
            if self._outlet.pin:
                await self._ask()
            if self._hand.sure or not len(self._hand):
                self._unsure.clear()
            else:
                await asyncio.sleep(UNSURE_SECONDS)

    async def _ask(self) -> None:
        hand, asked = self._hand, self._hand.stand()
        try:
            found = await self._outlet.standing()
        except Unreachable:
            return
        if found is None or hand is not self._hand or not self._outlet.pin:
            return
        self._ack_wait = found["config"]["ack_wait"] / 1e9
        hand.outstanding(found["num_ack_pending"], asked)
        self._way.figures.waiting(self.agency, found["num_pending"] + found["num_ack_pending"])
        self._way.figures.circuit(self.agency, self._circuit.opened is not None)
        self._stir.set()

    async def _end(self) -> None:
        if self._sends:
            await asyncio.wait(list(self._sends.values()), timeout=GRACE_SECONDS)
        for send in self._sends.values():
            send.cancel()
        self._way.figures.forget(self.agency)
        if self._outlet.sure:
            for sequence in self._hand.sequences():
                try:
                    await self._outlet.give_back(self._letters[sequence])
                except Unreachable:
                    return


def _time_of_day(clock: float) -> str:
    """A moment of the clock that only goes forward, as people read it."""
    at: datetime = now() + timedelta(seconds=clock - time.monotonic())
    return at.astimezone(UTC).isoformat(timespec="seconds")
