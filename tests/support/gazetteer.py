"""A small district of one's own: a subdistrict of two communities, with the compounds and outlines a test is about."""

from __future__ import annotations

from typing import Any

from shared.policy.places import Places


def district(*compounds: dict[str, Any], **more: Any) -> Places:
    """Compounds lie in grid ``g1`` (community ``m1``) unless they say otherwise; ``g2`` is in ``m2``; more keys replace
    those of the registry."""
    return Places.model_validate(
        {
            "district": {"code": "d", "name": "试区"},
            "subdistricts": [{"code": "s", "name": "试桥街道", "within": "d"}],
            "communities": [
                {"code": "m1", "name": "东岸社区", "within": "s"},
                {"code": "m2", "name": "西岸社区", "within": "s"},
            ],
            "grids": [
                {"code": "g1", "name": "东岸社区第一网格", "within": "m1"},
                {"code": "g2", "name": "西岸社区第一网格", "within": "m2"},
            ],
            "compounds": [compound(**one) for one in compounds],
        }
        | more
    )


def compound(code: str, name: str, grid: str = "g1", **more: Any) -> dict[str, Any]:
    """A compound as places.yaml has it."""
    return {
        "code": code,
        "name": name,
        "community": grid.replace("g", "m"),
        "grid": grid,
        "households": 100,
        "buildings": 5,
        "entrances": 2,
        "lon": 113.6,
        "lat": 34.75,
    } | more


def square(lon: float, lat: float, side: float) -> str:
    """An outline: a square of ``side`` degrees whose south-west corner is given."""
    east, north = lon + side, lat + side
    return f"POLYGON (({lon} {lat}, {east} {lat}, {east} {north}, {lon} {north}, {lon} {lat}))"


def triangle(lon: float, lat: float, side: float) -> str:
    """An outline: the south-western half of the square."""
    return f"POLYGON (({lon} {lat}, {lon + side} {lat}, {lon} {lat + side}, {lon} {lat}))"
