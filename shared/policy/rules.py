"""The rules of a jurisdiction that change by decision, not by release: clocks, shares, limits, disclosure. What
follows from them for one case is asked of :class:`shared.policy.policy.Policy`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from shared.contracts.values import DeferralKind, ExcuseCode, Nature, Role, Step, Urgency
from shared.policy.calendars import ONE_DAY, Clock
from shared.policy.model import Days, Duration, PackModel, covers
from shared.policy.season import Season
from shared.policy.tenants import AgencyKind

OF_THE_NETWORK = frozenset[str]({"trial_period"})
"""Excuses for cold flats that hold for everybody on the network; all others are about one flat."""

Disclose = Literal["at_once", "on_acceptance", "never"]
MergeBy = Literal["compound", "loop", "station"]
Share = Annotated[float, Field(ge=0, le=1)]

LONGEST_WORK = timedelta(days=366)


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
    """Spans from the dispatch to each step, and what they count. ``contact`` and ``arrive`` only where the rule asks
    for them. On ``working_hours`` a span in ``d`` is working days."""

    accept: Duration
    contact: Duration | None = None
    arrive: Duration | None = None
    resolve: Duration
    clock: Clock = "around_the_clock"


class DeadlineRule(Deadlines):
    """One line of the table; the first that matches holds. ``source``: the rule or report it comes from."""

    when: When = When()
    source: str

    @model_validator(mode="after")
    def _whole_days_of_work(self) -> DeadlineRule:
        for step in ("accept", "contact", "arrive", "resolve") if self.clock == "working_hours" else ():
            span = getattr(self, step)
            if span is not None and not timedelta(0) < span <= LONGEST_WORK:
                raise ValueError(
                    f"{step}: more than nothing and at most {LONGEST_WORK.days} d of working time"
                )
            if isinstance(span, Days) and span % ONE_DAY:
                raise ValueError(f"{step}: working days are whole")
        return self


class MergeWindow(PackModel):
    """How long after it was opened an open case takes further appeals (docs/decisions/0013)."""

    default: Duration
    by_category: Mapping[str, Duration] = Field(default_factory=dict)


class MassIncident(PackModel):
    """When a case is a mass incident: so many appeals, or appeals from so many compounds, ``within`` one another
    (docs/decisions/0040). ``urgency``: at least this from then on; ``tell_every``: how often agencies hear the sum."""

    categories: tuple[str, ...]
    appeals: int = Field(ge=2, le=50)
    compounds: int = Field(ge=2)
    within: Duration
    urgency: Urgency
    tell_every: Duration


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

    def excusable(self, excuse: str | None, households: int) -> bool:
        """Whether an excuse can count where so many households are asked, once somebody approved it: one about one flat
        excuses none of several."""
        return excuse is not None and (households == 1 or excuse in OF_THE_NETWORK)

    def asked(self, households: int, key_households: int = 0) -> int:
        """How many of the households behind a case are asked, at least one."""
        return max(1, self.sample.size(households, key_households))


DecidedBy = Literal["policy", "centre"]
"""Who says yes to what lies within the limits: the policy at once, or somebody at the centre's desk."""


class Extension(PackModel):
    """More time: how often, and at most how much, by urgency."""

    decided_by: DecidedBy = "policy"
    limit: int = Field(ge=0)
    longest: Mapping[Urgency, Duration]


class Deferral(PackModel):
    """What may wait for the season, an engineering plan or money, and at most how long until the next look.

    An approved one leaves the rates, so a pack may leave it to the centre.
    """

    decided_by: DecidedBy = "policy"
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


class Rung(PackModel):
    """What follows when an assignment is so long past a deadline: supervised at a level (1 the subdistrict, 2 the
    district), or, if it leads and is not resolved, its case given to the next step of the ladder. Who only keeps silent
    does not lose a case, or silence would be a way to be rid of it."""

    deadline: Step = "resolve"
    overdue_by: Duration
    level: int = Field(default=1, ge=1, le=9)
    escalate: bool = False

    @model_validator(mode="after")
    def _no_case_lost_by_silence(self) -> Rung:
        if self.escalate and self.deadline != "resolve":
            raise ValueError(f"escalate: only past the resolve deadline, not past {self.deadline}")
        return self


class Confidence(PackModel):
    """How sure a reading must be to count: below it the category goes to the desk, the place is none. ``likeness``: how
    like an example an appeal must be for a reading that agrees with it to count as sure."""

    category: Share = 0.75
    place: Share = 0.5
    likeness: Share = 0.3


class Desk(PackModel):
    """How soon the centre's desk decides what waits for it; an emergency, which is at work already, sooner."""

    within: Duration = timedelta(hours=2)
    emergency: Duration = timedelta(minutes=15)


class Similar(PackModel):
    """Which open cases the desk is shown beside one that waits: reported ``within`` so long of it, in words that are
    alike by ``likeness`` (0 to 1), by ``likeness_here`` where both are in one spot, at most the ``most`` likeliest
    (docs/decisions/0044)."""

    likeness: float = Field(default=0.35, gt=0, le=1)
    likeness_here: float = Field(default=0.1, gt=0, le=1)
    within: Duration = timedelta(days=30)
    most: int = Field(default=5, ge=1, le=20)


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
    merged_by: Mapping[str, MergeBy] = Field(default_factory=dict, alias="merge_by")
    mass_incidents: MassIncident | None = Field(default=None, alias="mass_incident")
    revisit: Revisit
    rework_limit: int = Field(ge=1)
    return_limit: int = Field(ge=1)
    extension: Extension
    deferral: Deferral
    disclosure_rules: Annotated[tuple[Disclosure, ...], Field(min_length=1, alias="disclosure")]
    report_in_limits: Mapping[Urgency, Duration] = Field(default_factory=dict, alias="report_in")
    escalation: Annotated[tuple[AgencyKind, ...], Field(min_length=1)]
    supervision: tuple[Rung, ...] = ()
    fallback_kinds: Annotated[tuple[AgencyKind, ...], Field(min_length=1)]
    rating: Rating
    confidence: Confidence = Confidence()
    desk: Desk = Desk()
    similar: Similar = Similar()

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone") from None
        return name

    @model_validator(mode="after")
    def _answers_everything(self) -> Rules:
        if self.deadline_rules[-1].when != When():
            raise ValueError("deadlines: the last rule must match everything")
        last = self.disclosure_rules[-1]
        if last.category or last.role:
            raise ValueError("disclosure: the last rule must match everything")
        return self

    @field_validator("supervision")
    @classmethod
    def _climbs(cls, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        for deadline in get_args(Step):
            spans = [rung.overdue_by for rung in rungs if rung.deadline == deadline]
            if spans != sorted(set(spans)) or any(span < timedelta(0) for span in spans):
                raise ValueError(f"each rung of {deadline} comes later than the one before it")
        return rungs
