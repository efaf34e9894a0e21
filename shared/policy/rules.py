"""The rules of a jurisdiction that change by decision, not by release: clocks, shares, limits, disclosure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import ceil
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from shared.contracts.values import CategoryRef, DeferralKind, ExcuseCode, Nature, Role, Urgency
from shared.policy.categories import Categories, Category
from shared.policy.model import Duration, PackModel
from shared.policy.tenants import AgencyKind

Disclose = Literal["at_once", "on_acceptance", "never"]
Share = Annotated[float, Field(ge=0, le=1)]
MonthDay = Annotated[str, StringConstraints(pattern=r"^\d\d-\d\d$")]


def covers(prefix: str, code: str) -> bool:
    """Whether a category code lies at or under a prefix; "" covers all."""
    return not prefix or code == prefix or code.startswith(prefix + ".")


class Season(PackModel):
    """The heating season by law, month-day, both ends included; the year's actual start and stop may differ."""

    start: MonthDay
    end: MonthDay

    def holds(self, day: date) -> bool:
        today = f"{day:%m-%d}"
        if self.start <= self.end:
            return self.start <= today <= self.end
        return today >= self.start or today <= self.end


class When(PackModel):
    """What a rule is about; what is absent matches everything."""

    urgency: Urgency | None = None
    category: str = ""
    nature: Nature | None = None

    def matches(self, category: str, urgency: str, nature: str) -> bool:
        return (
            covers(self.category, category)
            and self.urgency in (None, urgency)
            and self.nature in (None, nature)
        )


class Deadlines(PackModel):
    """Spans from the dispatch to each step. ``contact`` and ``arrive`` only where the rule asks for them."""

    accept: Duration
    contact: Duration | None = None
    arrive: Duration | None = None
    resolve: Duration


class DeadlineRule(Deadlines):
    """One line of the table; the first that matches holds. ``source``: the rule or report it comes from."""

    when: When = When()
    source: str


class MergeWindow(PackModel):
    """How long after it was opened an open case takes further appeals (docs/decisions/0013)."""

    default: Duration
    by_category: Mapping[str, Duration] = Field(default_factory=dict)


class Sample(PackModel):
    """How many households are asked: everybody up to a number, then a share of the rest; key households always.

    ``at_most`` bounds what one caller who speaks for a whole town can make a field team do.
    """

    all_up_to: int = Field(ge=1)
    then_share: Share
    at_most: int = Field(default=500, ge=1)

    def size(self, households: int, key_households: int = 0) -> int:
        """How many of so many households are asked, so many of them key households."""
        rest = max(0, households - self.all_up_to)
        share = ceil(round(rest * self.then_share, 6))
        wanted = max(min(households, self.all_up_to) + share, min(key_households, households))
        return min(wanted, self.at_most)


class Revisit(PackModel):
    """Going back (DOMAIN 3). ``hold_share``: of the households that answered, how many must be content.

    ``excuses_approved``: excuses for a cold flat that count without anybody being asked, because they stand in a
    register; the policy itself is then the approver on record.
    """

    within: Duration
    tries: int = Field(ge=1)
    retry_after: Duration
    hold_share: Share
    sample: Sample
    spot_check_share: Share
    spot_check_every: Duration
    excuses_approved: tuple[ExcuseCode, ...] = ()


class Extension(PackModel):
    """More time: how often, and at most how much, by urgency."""

    limit: int = Field(ge=0)
    longest: Mapping[Urgency, Duration]


class Deferral(PackModel):
    """What may wait for the season, an engineering plan or money, and at most how long until the next look."""

    kinds: tuple[DeferralKind, ...]
    longest: Duration


class Disclosure(PackModel):
    """When an agency learns phone and room; the first rule that matches holds."""

    category: str = ""
    role: Role | None = None
    disclose: Disclose


class Reminder(PackModel):
    """An assignment is due soon in the last ``share`` of its time, and at most ``at_most`` before the end."""

    share: Share
    at_most: Duration


class Rating(PackModel):
    """What an agency's rating weighs; agencies under ``minimum_sample`` are shown but not ranked (DOMAIN 5)."""

    weights: Mapping[Literal["satisfaction", "temperature", "on_time", "rework"], Share]
    minimum_sample: int = Field(ge=1)


class Rules(PackModel):
    """policy.yaml."""

    id: str
    version: str
    timezone: str
    season: Season
    indoor_standard_celsius: float
    deadline_rules: Annotated[tuple[DeadlineRule, ...], Field(min_length=1, alias="deadlines")]
    reminder: Reminder
    merge_windows: MergeWindow = Field(alias="merge_window")
    revisit: Revisit
    rework_limit: int = Field(ge=1)
    return_limit: int = Field(ge=1)
    extension: Extension
    deferral: Deferral
    disclosure_rules: Annotated[tuple[Disclosure, ...], Field(min_length=1, alias="disclosure")]
    escalation: Annotated[tuple[AgencyKind, ...], Field(min_length=1)]
    fallback_kinds: Annotated[tuple[AgencyKind, ...], Field(min_length=1)]
    rating: Rating

    @model_validator(mode="after")
    def _answers_everything(self) -> Rules:
        if self.deadline_rules[-1].when != When():
            raise ValueError("deadlines: the last rule must match everything")
        last = self.disclosure_rules[-1]
        if last.category or last.role:
            raise ValueError("disclosure: the last rule must match everything")
        ZoneInfo(self.timezone)
        return self


class Policy(Rules):
    """The rules together with the category tree they speak about."""

    tree: Categories
    _deadlines: dict[tuple[str, str, str], Deadlines] = PrivateAttr(default_factory=dict)

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

    def merge_window(self, category: str) -> timedelta:
        """How long after its opening a case of this category takes further appeals; the longest matching prefix
        holds."""
        prefixes = [prefix for prefix in self.merge_windows.by_category if covers(prefix, category)]
        return (
            self.merge_windows.by_category[max(prefixes, key=len)] if prefixes else self.merge_windows.default
        )

    def disclosure(self, category: str, role: str) -> Disclose:
        """When an agency in this role learns phone and room."""
        return next(
            rule.disclose
            for rule in self.disclosure_rules
            if covers(rule.category, category) and rule.role in (None, role)
        )

    def remind_before(self, span: timedelta) -> timedelta:
        """How long before its end a deadline of this span is due soon."""
        return min(span * self.reminder.share, self.reminder.at_most)

    def in_season(self, day: date) -> bool:
        """Whether the heating season by law covers a day (local date)."""
        return self.season.holds(day)
