from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import pytest

from rao_gym.wrappers import MenuEnv, menu_env


def make(**options: Any) -> MenuEnv:
    return menu_env(gymnasium.make("rao/Code-menu-v0", **options))


def play(env: MenuEnv, names: Sequence[str]) -> float:
    """Take the first of some actions that is possible, until the end, and return the return."""
    env.reset(seed=0)
    total, over = 0.0, False
    while not over:
        masks = env.action_masks()
        action = next(place for place in map(list(env.menu.actions).index, names) if masks[place])
        _, reward, over, _, _ = env.step(action)
        total += reward
    return total


@pytest.mark.parametrize(
    ("names", "num_agents"), [(["read", "try", "hand_in"], 1), (["delegate", "read", "try", "hand_in"], 2)]
)
def test_writing_alone_and_delegating_are_both_right(names: list[str], num_agents: int) -> None:
    env = make(difficulty=2)
    assert play(env, names) == pytest.approx(1 - env.turn_cost * env.tree.turns)
    assert len(env.tree) >= num_agents
    assert (len(env.tree) > 1) == (num_agents > 1)
    env.close()


def test_handing_in_without_the_helpers_fails() -> None:
    env = make(difficulty=2)
    assert play(env, ["hand_in"]) == -env.turn_cost
    env.close()


def test_what_was_tried_and_delegated_is_not_offered_again() -> None:
    env = make(difficulty=2)
    _, info = env.reset(seed=0)
    assert list(info["action_mask"]) == [1, 1, 1, 1]
    observation, _, over, _, info = env.step(1)
    assert not over  # helpers are missing
    assert list(info["action_mask"]) == [1, 0, 1, 1]
    assert dict(zip(env.features, observation, strict=True))["has_tried"] == 1
    env.close()
