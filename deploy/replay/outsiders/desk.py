"""The centre's desk: people who look at what waits for them and say whose problem it is, over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Any

from deploy.replay.outsiders.base import LOCAL, chance, event_id

PAGE = 200
NEXT = re.compile(r'<([^>]+)>; rel="next"')
AGAIN_SECONDS = 0.2


class Desk:
    """Decides each case once its time has come: most within the hour, some too late; the same in every run."""

    def __init__(self, url: str, agencies: list[str]) -> None:
        self._url = url
        self._agencies = agencies
        self.decided: dict[str, str] = {}

    async def speak(self, now: datetime) -> int:
        """Decides what is due; gives how many cases that were."""
        due = [(at, case) for case in await self._waiting() if (at := _looked_at(case)) <= now]
        for at, case in due:
            await self._decide(case, at)
        return len(due)

    def diary(self) -> dict[str, Any]:
        return {"sent": len(self.decided), "seen": {}, "received": [], "decided": dict(self.decided)}

    async def _waiting(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path: str | None = f"/api/v1/desk?limit={PAGE}"
        while path:
            answer, link = await self._ask(path)
            found += answer
            more = NEXT.search(link)
            path = more[1] if more else None
        return found

    async def _decide(self, waiting: dict[str, Any], at: datetime) -> None:
        case = waiting["case"]["case_id"]
        untried = [one["agency"] for one in waiting["candidates"] if not one["tried"]]
        proposed = [waiting["proposed"]["lead"]] if waiting["proposed"]["lead"] else []
        anybody = [self._agencies[int(chance(case, "whose") * len(self._agencies))]]
        lead = [*proposed, *untried, *anybody][0]
        word = {"lead": lead, "reason": "电话核实后派单", "by": "值班长"}
        headers = {"Idempotency-Key": event_id(case, waiting["since"], "desk"), "ce-time": at.isoformat()}
        if await self._ask(f"/api/v1/cases/{case}/dispatch", word, headers):
            self.decided[case] = lead

    async def _ask(
        self, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Asks until there is an answer; None where somebody else has decided meanwhile."""
        while True:
            try:
                return await asyncio.to_thread(_http, self._url + path, body, headers or {})
            except urllib.error.HTTPError as error:
                if error.code == 409:
                    return None
                if error.code < 500:
                    raise
                print(f"desk: {error.code} {error.read().decode(errors='replace')}", file=sys.stderr)
            except (OSError, http.client.HTTPException) as error:  # the service is being restarted
                print(f"desk: {type(error).__name__} {error}", file=sys.stderr)
            await asyncio.sleep(AGAIN_SECONDS)


def _looked_at(waiting: dict[str, Any]) -> datetime:
    """When somebody at the desk looks at it: an emergency soon, the rest within the hour and a half, a few too late."""
    since = datetime.fromisoformat(waiting["since"]).astimezone(LOCAL)
    case = waiting["case"]["case_id"]
    if waiting["dispatched"]:
        return since + timedelta(minutes=4 + 10 * chance(case, since, "desk"))
    late = 180 if chance(case, since, "slow") < 0.05 else 0
    return since + timedelta(minutes=late + 15 + 75 * chance(case, since, "desk"))


def _http(url: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
    """(the answer, its header Link)."""
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read()), answer.headers.get("Link", "")
