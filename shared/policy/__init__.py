"""The policy pack of one jurisdiction: who is connected, where things are, which rules hold. Data and look-ups only."""

from shared.policy.jurisdiction import Jurisdiction, load
from shared.policy.live import Live
from shared.policy.model import PolicyError

__all__ = ["Jurisdiction", "Live", "PolicyError", "load"]
