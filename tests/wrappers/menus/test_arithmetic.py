from __future__ import annotations

from typing import Any

import gymnasium
import pytest

from rao_gym.wrappers import MenuEnv, menu_env
from rao_gym.wrappers.menus.arithmetic import ArithmeticMenu

ID = "rao/Arithmetic-menu-v0"


def make(**options: Any) -> MenuEnv:
    return menu_env(gymnasium.make(ID, **options))


def play(env: MenuEnv, *names: str, seed: int = 0) -> float:
    """Take the first of some actions that is possible, until the end, and return the return."""
    env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        masks = env.action_masks()
        action = next(place for place in map(list(env.menu.actions).index, names) if masks[place])
        _, reward, over, _, _ = env.step(action)
        total += reward
    return total


@pytest.mark.parametrize("kind", ["tree", "chain", "modular"])
def test_working_alone_and_delegating_are_both_right(kind: str) -> None:
    env = make(difficulty=2, kind=kind, max_turns=None)
    for seed in range(4):
        alone = play(env, "note", "answer", seed=seed)
        assert alone == pytest.approx(1 - env.turn_cost * env.tree.turns)
        assert len(env.tree) == 1
        for order in (("delegate_both", "note", "answer"), ("delegate_left", "note", "answer")):
            assert play(env, *order, seed=seed) == pytest.approx(1 - env.turn_cost * env.tree.turns)
    env.close()


def test_an_answer_is_a_guess_while_operations_are_left() -> None:
    env = make(difficulty=3)
    observation, info = env.reset(seed=1)
    features = dict(zip(env.features, observation, strict=True))
    assert features["is_last"] == 0
    assert features["left"] + features["right"] < 1
    assert info["action_mask"][0] == 1
    assert play(env, "answer", seed=1) == -env.turn_cost
    env.close()


def test_long_numbers_are_split_by_the_skill() -> None:
    env = menu_env(gymnasium.make(ID, menu=ArithmeticMenu(skill_columns=1), kind="digits", difficulty=2))
    assert play(env, "delegate_both", "note", "answer") == pytest.approx(1 - env.turn_cost * env.tree.turns)
    assert len(env.tree) > 1
    env.close()
