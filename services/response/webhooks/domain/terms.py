"""The terms of delivery, all in one place. Seconds where nothing else is said."""

from __future__ import annotations

from datetime import timedelta

AT_ONCE = 4
"""Cases of one agency side by side; the messages of one case never are."""

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
"""Of one request, from the look-up of the name to the answer."""

MOST_ANSWER_BYTES = 512
"""So much of an answer's body is read, for the reason that is kept; the rest is left."""

FIRST_DELAY = 1.0
LONGEST_DELAY = 300.0
JITTER = 0.2
"""A delay is shortened by up to this part of it, so that what failed together does not come back together."""

GIVE_UP_AFTER = timedelta(hours=24)
"""So long a message has waited while its receiver failed, both. The age alone would give a backlog up that meets a new
receiver at its first hiccup; where another copy takes over, it counts anew."""

REFUSED_TRIES = 5
"""A message that the receiver itself refuses so often is given up: within some 15 s."""

OPEN_AFTER = 5
"""Failures in a row that open the circuit."""

PROBE_PART = 1 / 6
"""While the circuit is open, the next probe comes after this part of the time it has been open: what was away for a
minute is found again within some ten seconds, what was away for a day within LONGEST_DELAY."""
