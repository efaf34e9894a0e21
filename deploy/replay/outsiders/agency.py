"""Heating companies, property managers, bureaus: they accept, are late, return, forget, resolve."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deploy.replay.outsiders.base import LOCAL, Tenant, chance, event_id, local_hours

SLOW = {"property-hexin": 1.6, "housing-zy": 1.4, "developer-zy": 1.8}
"""Some take longer than others: how many times as long."""

MEASURES = {
    "solved": (
        "上门排气、清洗过滤网，调节单元阀门，室温回升。",
        "您反映的问题已处理完毕，如有反复请随时联系我们。",
    ),
    "partly": ("已临时处置，需等备件到货后彻底更换。", "已先行处置，余下部分三日内完成。"),
    "explained": ("现场测量并核对管网参数，属正常范围。", "经现场核实，目前情况符合规定，已当面说明。"),
    "user_side": ("检查发现户内自装阀门关闭。", "户内设施由用户负责维护，已指导您打开阀门。"),
    "not_possible": ("涉及整体改造，已报年度计划。", "受条件限制暂无法实施，已列入改造计划。"),
}

OUTCOMES = (
    (0.85, "solved"),
    (0.91, "partly"),
    (0.96, "explained"),
    (0.98, "user_side"),
    (1.0, "not_possible"),
)
"""Which outcome below which draw."""


class Agency(Tenant):
    """One agency. What it does with an assignment depends on the assignment alone, so every run is the same."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._book: dict[str, dict[str, Any]] = {}

    def on_event(self, kind: str, data: dict[str, Any], at: datetime) -> None:
        if kind == "assigned":
            self._take_up(data, at.astimezone(LOCAL))
        elif kind == "reminded" and data["deadline"] == "accept" and data["overdue"]:
            self._wake_up(data["assignment_id"], at.astimezone(LOCAL))
        elif kind == "withdrawn":
            gone = data["assignment_id"]
            self.cancel(
                lambda what: isinstance(what["data"], dict) and what["data"].get("assignment_id") == gone
            )

    def _take_up(self, data: dict[str, Any], at: datetime) -> None:
        id = data["assignment_id"]
        self._book[id] = data
        whim = chance(id, "whim")
        again = data.get("rework") is not None
        if whim < 0.02:
            return  # forgotten, until somebody reminds
        if whim < 0.06 and data["role"] == "lead" and not again:
            self._say(at + timedelta(minutes=20 + 60 * chance(id, "r")), "returned", id, _return(id))
            return
        self._work(id, at, data)

    def _wake_up(self, id: str, at: datetime) -> None:
        data = self._book.get(id)
        if data is not None and chance(id, "whim") < 0.02 and chance(id, "never") > 0.25:
            self._work(id, at, data)

    def _work(self, id: str, at: datetime, data: dict[str, Any]) -> None:
        pace = SLOW.get(self.name, 1.0) * {"emergency": 0.15, "urgent": 0.5, "normal": 1.0}[data["urgency"]]
        accept_by = datetime.fromisoformat(data["accept_by"])
        span = (accept_by - at).total_seconds()
        late = chance(id, "late") < 0.06
        accepted = at + timedelta(seconds=span * (1.3 if late else 0.1 + 0.7 * chance(id, "a")))
        contacted = accepted + timedelta(minutes=5 + 25 * chance(id, "c"))
        arrived = local_hours(contacted + timedelta(hours=(0.3 + 4 * chance(id, "g")) * pace), 7, 21)
        if data["urgency"] == "emergency":
            arrived = contacted + timedelta(minutes=10 + 30 * chance(id, "g"))
        finished = arrived + timedelta(hours=(0.5 + 40 * chance(id, "f") ** 2) * pace)
        if data["urgency"] != "emergency":
            finished = local_hours(finished, 7, 22)
        self._say(accepted, "accepted", id)
        self._say(contacted, "contacted", id, {"how": "电话"})
        if chance(id, "afar") > 0.1:  # a station may be adjusted from afar
            self._say(arrived, "arrived", id)
        resolve_by = datetime.fromisoformat(data["resolve_by"])
        if chance(id, "ext") < 0.03 and accepted < resolve_by:
            until = resolve_by + timedelta(hours=20 + 10 * chance(id, "until"))
            self._say(
                accepted + timedelta(minutes=40),
                "extension_requested",
                id,
                {"until": until.isoformat(), "reason": "备件需从外地调运。"},
            )
            finished += timedelta(hours=12)
        if chance(id, "defer") < 0.012 and data["role"] == "lead" and data["urgency"] == "normal":
            review = at + timedelta(days=40 + 60 * chance(id, "review"))
            self._say(
                accepted + timedelta(minutes=50),
                "deferral_requested",
                id,
                {
                    "kind": "engineering",
                    "reason": "需整体改造，供暖期内不能停水施工。",
                    "plan": "停暖后更换立管，已列入计划。",
                    "review_at": review.isoformat(),
                },
            )
            return
        self._say(finished, "resolved", id, self._result(id, data, finished))
        if chance(id, "twice") < 0.03:  # the same word again, as programs do after a lost receipt
            self._say(
                finished + timedelta(minutes=1), "resolved", id, self._result(id, data, finished), again=True
            )

    def _result(self, id: str, data: dict[str, Any], at: datetime) -> dict[str, Any]:
        draw = chance(id, "outcome")
        outcome = next(o for limit, o in OUTCOMES if draw < limit)
        measures, reply = MEASURES[outcome]
        result: dict[str, Any] = {"outcome": outcome, "measures": measures, "reply": reply}
        if data["category"]["code"].startswith("heating.no_heat") and outcome == "solved":
            result["readings"] = [
                {
                    "celsius": round(18.2 + 3 * chance(id, "t"), 1),
                    "room": "living_room",
                    "at": at.isoformat(),
                    "doors_closed": True,
                }
            ]
        return result

    def _say(
        self, at: datetime, verb: str, id: str, data: dict[str, Any] | None = None, *, again: bool = False
    ) -> None:
        body = {"assignment_id": id, "at": at.isoformat(), **(data or {})}
        self.plan(at, verb, body, event_id(id, verb), about=self._book[id]["case_no"], again=again)


def _return(id: str) -> dict[str, Any]:
    code, reason = (
        ("not_ours", "不属于我单位职责范围。"),
        ("wrong_place", "该地址不在我单位服务区域。"),
        ("insufficient", "地址不详，无法联系到群众。"),
    )[int(chance(id, "code") * 3)]
    return {"reason_code": code, "reason": reason}


def hostile(agency: Agency, foreign: str, at: datetime, number: int) -> None:
    """A few things a broken or curious program would try: another's assignment, a made-up one, nonsense."""
    body = {"assignment_id": foreign, "at": at.isoformat()}
    agency.plan(at, "accepted", body, event_id(agency.name, "foreign", number))
    agency.plan(at, "resolved", b'{"assignment_id": ', event_id(agency.name, "broken", number))
    agency.plan(at, "accepted", body | {"urgent": True}, event_id(agency.name, "unknown field", number))
    agency.plan(at, "vanished", body, event_id(agency.name, "no such verb", number))
