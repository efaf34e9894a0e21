"""The kinds of documents that have a life, each with the messages it may be sent."""

from __future__ import annotations

from tests.transitions import appeals, assignments, cases, modes, tasks

MACHINES = (*appeals.MACHINES, cases.MACHINE, *modes.MACHINES, assignments.MACHINE, tasks.MACHINE)
