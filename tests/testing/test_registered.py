"""The conformance kit on every registered family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rao_gym import registered_ids
from rao_gym.registry import family_class
from rao_gym.testing import (
    check_determinism,
    check_gymnasium,
    check_pettingzoo,
    check_robustness,
    check_solvability,
    check_splits,
    check_subgoals,
    check_views,
)

OPTIONS: dict[str, dict[str, Any]] = {"rao/LongContext-v0": {"window": 2_048}}
"""Options under which the reference policy delegates at the difficulties that the checks choose."""

FEWER_TASKS: dict[tuple[str, str], int] = {
    ("check_splits", "rao/Code-v0"): 15,
    ("check_solvability", "rao/Code-v0"): 2,
    ("check_solvability", "rao/TextCraftSynth-v0"): 2,
    ("check_determinism", "rao/TextCraftSynth-v0"): 1,
}
"""Tasks of each difficulty, where sampling and judging them takes long."""

CHECKS: list[Callable[..., None]] = [
    check_gymnasium,
    check_pettingzoo,
    check_views,
    check_determinism,
    check_splits,
    check_solvability,
    check_subgoals,
    check_robustness,
]


@pytest.mark.parametrize("id", registered_ids())
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_family_keeps_the_contract(id: str, check: Callable[..., None]) -> None:
    fewer = FEWER_TASKS.get((check.__name__, id))
    check(id, **OPTIONS.get(id, {}), **({"num_tasks": fewer} if fewer else {}))


@pytest.mark.parametrize("id", registered_ids())
def test_every_kind_is_solved_and_verified(id: str) -> None:
    for kind in family_class(id).kinds:
        check_solvability(id, kind=kind, num_tasks=2, **OPTIONS.get(id, {}))
        check_subgoals(id, kind=kind, num_tasks=1, **OPTIONS.get(id, {}))
