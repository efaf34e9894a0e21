"""Which message leads to which decision about a case, its plan, its consultation or a vote."""

from __future__ import annotations

from typing import Any

from services.routing.domain import (
    appellants,
    consultation,
    deferring,
    desk,
    dispatch,
    ending,
    joining,
    ladder,
    more_time,
    planning,
    resolution,
    splitting,
    steps,
    vote,
    whistle,
)
from services.routing.store import CASES, CONSULTATIONS, PLANS, VOTES
from shared.contracts import (
    intake,
    response,
    revisit,
    routing_consultations,
    routing_orders,
    routing_plans,
    routing_splits,
)
from shared.contracts.base import Event
from shared.loop.decision import Input
from shared.loop.handlers import Handlers

handlers = Handlers("routing")


def _case(event: Any, _: Input) -> str:
    return str(event.case_id)


handlers.on(intake.AppealRegistered, CASES, _case)(dispatch.register)
handlers.on(intake.AppealMerged, CASES, _case)(appellants.merged)
handlers.on(intake.AppealUrged, CASES, _case)(appellants.urged)
handlers.on(intake.AppealSupplemented, CASES, _case)(appellants.supplemented)
handlers.on(intake.AppealWithdrawn, CASES, _case)(appellants.withdrawn)
handlers.on(intake.AppealContested, CASES, _case)(ending.contested)
handlers.on(intake.AppealLeft, CASES, _case)(splitting.left)

handlers.on(response.AssignmentReturned, CASES, _case)(dispatch.returned)
handlers.on(response.AssignmentExtensionRequested, CASES, _case)(more_time.extension_requested)
handlers.on(response.AssignmentDeferralRequested, CASES, _case)(more_time.deferral_requested)
handlers.on(response.AssignmentResolved, CASES, _case)(resolution.resolved)
handlers.on(response.AssignmentReportInMissed, CASES, _case)(whistle.not_reported)
handlers.on(response.AssignmentLate, CASES, _case)(ladder.not_answered)

handlers.on(revisit.VerificationHeld, CASES, _case)(ending.held)
handlers.on(revisit.VerificationFailed, CASES, _case)(ending.failed)
handlers.on(revisit.VerificationUnverified, CASES, _case)(ending.unverified)

handlers.on(routing_orders.CaseReviewDue, CASES, _case)(deferring.review_due)
handlers.on(routing_orders.CaseWatchDue, CASES, _case)(ladder.watch_due)
handlers.on(routing_orders.Supervise, CASES, _case)(ladder.supervise)
handlers.on(routing_orders.Escalate, CASES, _case)(ladder.escalate_by_hand)
handlers.on(routing_orders.CaseSumDue, CASES, _case)(appellants.sum_due)
handlers.on(routing_orders.Dispatch, CASES, _case)(desk.dispatch)
handlers.on(routing_orders.Join, CASES, _case)(joining.join)
handlers.on(routing_orders.CaseDeskDue, CASES, _case)(desk.overdue)
handlers.on(routing_orders.Redispatch, CASES, _case)(desk.by_hand)
handlers.on(routing_orders.Defer, CASES, _case)(deferring.defer_by_hand)
handlers.on(routing_orders.Clear, CASES, _case)(deferring.clear)
handlers.on(routing_orders.DecideRequest, CASES, _case)(more_time.decide)
handlers.on(routing_splits.Split, CASES, _case)(splitting.split)
handlers.on(routing_orders.ApproveExcuse, CASES, _case)(ending.approve_excuse)

handlers.on(routing_plans.OpenStep, CASES, _case)(steps.open_step)
handlers.on(routing_plans.MoveStep, CASES, _case)(steps.move_step)
handlers.on(routing_plans.StepLate, CASES, _case)(steps.step_late)
handlers.on(routing_plans.PlanThrough, CASES, _case)(steps.plan_through)
handlers.on(routing_plans.PlanGivenUp, CASES, _case)(steps.plan_given_up)
handlers.on(routing_plans.MakePlan, PLANS, _case)(planning.make)
handlers.on(routing_plans.StepEnded, PLANS, _case)(planning.ended)
handlers.on(routing_plans.StepDue, PLANS, _case)(planning.due)
handlers.on(routing_plans.RedateStep, PLANS, _case)(planning.redate)
handlers.on(routing_plans.ReassignStep, PLANS, _case)(planning.reassign)
handlers.on(routing_plans.GiveUpPlan, PLANS, _case)(planning.give_up)

handlers.on(routing_consultations.OpenConsultation, CONSULTATIONS, _case)(consultation.open_)
handlers.on(routing_consultations.CallMeeting, CONSULTATIONS, _case)(consultation.call)
handlers.on(routing_consultations.RecordMeeting, CONSULTATIONS, _case)(consultation.record)
handlers.on(routing_consultations.VoteCounted, CONSULTATIONS, _case)(consultation.count)
handlers.on(routing_consultations.CloseConsultation, CONSULTATIONS, _case)(consultation.close)
handlers.on(routing_consultations.CastVote, VOTES, lambda word, _: str(word.vote_id))(vote.cast)
handlers.on(routing_consultations.Consulted, CASES, _case)(consultation.consulted)
handlers.on(routing_consultations.MeetingCalled, CASES, _case)(consultation.meeting_called)


def events() -> list[type[Event]]:
    """Every event routing consumes."""
    return handlers.events()
