"""The rules of a jurisdiction as they are asked: what holds for this category, this urgency, this instant."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from pydantic import PrivateAttr, model_validator

from shared.contracts.values import CategoryRef, Nature, Step, Urgency
from shared.policy.calendars import Calendar, Clock, Unannounced, WorkingTime
from shared.policy.categories import Categories, Category
from shared.policy.model import covers
from shared.policy.responsibility import Matrix
from shared.policy.rules import Deadlines, Disclose, MassIncident, MergeBy, Rules, Rung


class Policy(Rules):
    """The rules together with the category tree they speak about, who is responsible for it, and the calendar they
    count by."""

    tree: Categories
    responsibility: Matrix
    calendar: Calendar | None = None
    _deadlines: dict[tuple[str, str, str], Deadlines] = PrivateAttr(default_factory=dict)
    _working_time: WorkingTime | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _clocks_can_be_read(self) -> Policy:
        for number, rule in enumerate(self.deadline_rules):
            if rule.clock == "working_hours" and self.calendar is None:
                raise ValueError(
                    f"deadlines.{number}.clock: counts working hours, and there is no calendar.yaml"
                )
        for category in self.tree.categories:
            for nature in get_args(Nature):
                if self.deadlines(category.code, "emergency", nature).clock != "around_the_clock":
                    raise ValueError(
                        f"deadlines: an emergency of {category.code} would wait for working hours"
                    )
        if self.calendar is not None:
            self._working_time = WorkingTime(self.calendar, self.zone)
        return self

    @model_validator(mode="after")
    def _speaks_the_language(self) -> Policy:
        try:
            self.responsibility.compile(self.tree.signals.choices)
        except KeyError as missing:
            raise ValueError(
                f"responsibility: a phrase names the choice {missing}, which is not there"
            ) from None
        return self

    @property
    def label(self) -> str:
        """What events carry, so that everybody knows which rules held: ``id@version``."""
        return f"{self.id}@{self.version}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days begin and end here."""
        return ZoneInfo(self.timezone)

    def category(self, code: str) -> Category:
        """The category of this code, or the catch-all."""
        return self.tree.get(code)

    def category_ref(self, code: str) -> CategoryRef:
        """The category as events carry it."""
        return self.tree.ref(code)

    def deadlines(self, category: str, urgency: str, nature: str) -> Deadlines:
        """The spans of the first rule that matches."""
        key = (category, urgency, nature)
        if key not in self._deadlines:
            self._deadlines[key] = next(rule for rule in self.deadline_rules if rule.when.matches(*key))
        return self._deadlines[key]

    def due(self, at: datetime, span: timedelta, clock: Clock) -> datetime:
        """When a span of a deadline rule that begins at an instant is over, by the rule's clock; never before it."""
        if clock == "around_the_clock" or self._working_time is None:
            return at + span
        return self._working_time.due(at, span)

    def warnings(self, at: datetime) -> tuple[Unannounced, ...]:
        """The years that deadlines set at this instant may reach and whose holidays nobody has entered; none where no
        rule counts working hours."""
        if (
            all(rule.clock == "around_the_clock" for rule in self.deadline_rules)
            or self._working_time is None
        ):
            return ()
        return self._working_time.warnings(at)

    def merge_window(self, category: str) -> timedelta:
        """How long after its opening a case of this category takes further appeals; the longest matching prefix
        holds."""
        prefixes = [prefix for prefix in self.merge_windows.by_category if covers(prefix, category)]
        return (
            self.merge_windows.by_category[max(prefixes, key=len)] if prefixes else self.merge_windows.default
        )

    def merge_by(self, category: str) -> MergeBy:
        """What homes must share so that their appeals of this category are about one case: the compound where the pack
        says nothing; the longest matching prefix holds (docs/decisions/0040)."""
        prefixes = [prefix for prefix in self.merged_by if covers(prefix, category)]
        return self.merged_by[max(prefixes, key=len)] if prefixes else "compound"

    def mass_incident(self, category: str) -> MassIncident | None:
        """What makes a burst of this category a mass incident; None where it never is one."""
        rule = self.mass_incidents
        return rule if rule and any(covers(prefix, category) for prefix in rule.categories) else None

    def disclosure(self, category: str, role: str) -> Disclose:
        """When an agency in this role learns phone and room."""
        return next(
            rule.disclose
            for rule in self.disclosure_rules
            if covers(rule.category, category) and rule.role in (None, role)
        )

    def report_in(self, urgency: Urgency) -> timedelta | None:
        """Within what time everybody who was whistled for reports in; None where the pack sets no limit."""
        return self.report_in_limits.get(urgency)

    def rungs(self, deadline: Step) -> tuple[Rung, ...]:
        """The ladder of who is late by this deadline, the first rung first."""
        return tuple(rung for rung in self.supervision if rung.deadline == deadline)

    def watch_at(self, due: datetime, rungs: int, deadline: Step = "resolve") -> datetime | None:
        """When the next rung of a deadline is reached by who has so many behind; None at the top."""
        ladder = self.rungs(deadline)
        return due + ladder[rungs].overdue_by if rungs < len(ladder) else None

    def remind_before(self, span: timedelta) -> timedelta:
        """How long before its end a deadline of this span is due soon."""
        return min(span * self.reminder.share, self.reminder.at_most)

    def in_season(self, day: date) -> bool:
        """Whether a heating season covers a day (local date): as it was, or else by law."""
        return self.season.holds(day)
