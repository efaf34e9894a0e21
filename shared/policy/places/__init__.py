"""The grid registry of a jurisdiction: areas and their posts, compounds, buildings, exchange stations; found by code,
by name in residents' spelling, and by point."""

from shared.policy.places.entities import Area, Building, Compound, Heating, Household, Post, Station
from shared.policy.places.gazetteer import UNPLACED, Places
from shared.policy.places.spelling import bare, normalise
from shared.policy.places.unlisted import Named, named_in

__all__ = [
    "UNPLACED",
    "Area",
    "Building",
    "Compound",
    "Heating",
    "Household",
    "Named",
    "Places",
    "Post",
    "Station",
    "bare",
    "named_in",
    "normalise",
]
