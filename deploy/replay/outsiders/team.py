"""Field teams: they go back, ask, measure; some households are out, some do not want to talk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deploy.replay.outsiders.base import LOCAL, Tenant, chance, event_id, local_hours

BETWEEN_HOUSEHOLDS = timedelta(minutes=30)


class Team(Tenant):
    """One field team. Households warmed up or did not: by the task, the same in every run."""

    def on_event(self, kind: str, data: dict[str, Any], at: datetime) -> None:
        if kind == "due":
            self._visit(data, at.astimezone(LOCAL))
        elif kind == "withdrawn":
            gone = data["task_id"]
            self.cancel(lambda what: what["data"].get("task_id") == gone)

    def _visit(self, data: dict[str, Any], at: datetime) -> None:
        task, attempt = data["task_id"], data["attempt"]
        start = at + timedelta(hours=1 + 14 * chance(task, attempt, "when"))
        if attempt > 1:  # another day, another hour
            start = at + timedelta(hours=20 + 8 * chance(task, attempt, "when"))
        if chance(task, attempt, "slow") < 0.03:
            start += timedelta(hours=24)
        start = local_hours(start, 8, 20)
        households = data.get("households") or 1
        for household in range(households):
            # One at a time: what the second is asked may no longer matter after the first.
            self._ask(data, start + household * BETWEEN_HOUSEHOLDS, household, attempt)

    def _ask(self, data: dict[str, Any], at: datetime, household: int, attempt: int) -> None:
        task = data["task_id"]
        draw = chance(task, household, attempt, "door")
        outcome = "unreachable" if draw < 0.08 else "declined" if draw < 0.10 else "reached"
        said: dict[str, Any] = {
            "task_id": task,
            "at": at.isoformat(),
            "by": {"name": "网格员"},
            "outcome": outcome,
        }
        if outcome == "reached":
            solved = chance(task, household, "solved") < 0.9
            content = chance(task, household, "content")
            said["solved"] = solved
            said["satisfaction"] = (
                "dissatisfied"
                if not solved or content < 0.04
                else "basically_satisfied"
                if content < 0.3
                else "satisfied"
            )
            if data["measure"]:
                warm = solved or chance(task, household, "warm") < 0.4
                celsius = (
                    18.1 + 4 * chance(task, household, "t")
                    if warm
                    else 13.5 + 4.4 * chance(task, household, "t")
                )
                said["readings"] = [
                    {
                        "celsius": round(celsius, 1),
                        "room": "living_room" if chance(task, household, "room") < 0.7 else "bedroom",
                        "at": at.isoformat(),
                        "doors_closed": True,
                        "signed": chance(task, household, "signed") < 0.8,
                    }
                ]
        self.plan(at, "revisited", said, event_id(task, household, attempt), about=data["case_no"])


def rounds(team: Team, start: datetime, days: int) -> None:
    """What teams do besides: patrols every day, a hazard now and then."""
    for day in range(days):
        evening = start + timedelta(days=day, hours=18, minutes=30)
        team.plan(
            evening,
            "patrolled",
            {
                "at": evening.isoformat(),
                "by": {"name": "网格员"},
                "grid_code": f"{team.name}-g1",
                "findings": int(3 * chance(team.name, day)),
            },
            event_id(team.name, "patrol", day),
        )
        if chance(team.name, day, "hazard") < 0.25:
            team.plan(
                evening,
                "hazard_found",
                {
                    "at": evening.isoformat(),
                    "by": {"name": "网格员"},
                    "location": {"address": "楼道口"},
                    "text": "楼道暖气管接头渗水，地面结冰。",
                },
                event_id(team.name, "hazard", day),
            )
