from __future__ import annotations

from typing import Any

import gymnasium
import pytest

from rao_gym.wrappers import MenuEnv, menu_env


def make(**options: Any) -> MenuEnv:
    return menu_env(gymnasium.make("rao/TextCraft-menu-v0", **options))


def play(env: MenuEnv, *names: str) -> float:
    """Take the first of some actions that is possible, until the end, and return the return."""
    env.reset(seed=0)
    total, over = 0.0, False
    while not over:
        masks = env.action_masks()
        action = next(place for place in map(list(env.menu.actions).index, names) if masks[place])
        _, reward, over, _, _ = env.step(action)
        total += reward
    return total


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize(
    "names", [("look_up", "craft", "finish"), ("delegate", "look_up", "craft", "finish")], ids=["alone", "delegating"]
)
def test_crafting_alone_and_delegating_are_both_right(names: tuple[str, ...], actions: str) -> None:
    env = make(difficulty=3, actions=actions, max_turns=None, window=None)
    assert play(env, *names) == pytest.approx(1 - env.turn_cost * env.tree.turns)
    assert (len(env.tree) > 1) == ("delegate" in names)
    env.close()


def test_finishing_at_once_fails() -> None:
    env = make(difficulty=2)
    assert play(env, "finish") == -env.turn_cost
    env.close()


def test_recipes_are_looked_up_before_they_are_used() -> None:
    env = make(difficulty=2)
    _, info = env.reset(seed=0)
    names = env.menu.actions
    assert {name for name, possible in zip(names, info["action_mask"], strict=True) if possible} == {
        "finish",
        "look_up",
    }
    observation, _, _, _, info = env.step(names.index("look_up"))
    assert dict(zip(env.features, observation, strict=True))["level"] == 2 / 8
    assert not info["action_mask"][names.index("delegate")]  # which ingredients have recipes is not known yet
    *_, info = env.step(names.index("look_up"))
    assert info["action_mask"][names.index("delegate")]
    env.close()
