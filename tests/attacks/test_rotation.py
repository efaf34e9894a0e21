"""Keys changed under load (CONTRACTS 0): the old session ends, nobody else notices, nothing is lost."""

from __future__ import annotations

from pathlib import Path

from tests.attacks.rotation import IN_HAND, rotate_under_load


async def test_a_key_changed_under_load_ends_one_session_and_loses_nothing(tmp_path: Path) -> None:
    result = await rotate_under_load(tmp_path)

    gently, at_once = result.turns
    assert (gently.overlapped, gently.lost, gently.words_lost) == (True, 0, 0)
    assert (at_once.lost, at_once.words_lost) == (0, 0)
    assert [turn.again for turn in result.turns] == [IN_HAND, IN_HAND]
    assert ["Authorization Violation" in turn.refused for turn in result.turns] == [True, True]
    assert [one for one in result.neighbours if not one.undisturbed] == []
    assert result.as_promised
