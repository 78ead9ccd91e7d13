"""The menus of the two families that search."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest

from rao_gym.wrappers import MenuEnv, menu_env


def make(id: str, **options: Any) -> MenuEnv:
    return menu_env(gymnasium.make(id, **options))


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


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize("delegate", ["", "delegate"])
def test_searching_and_delegating_questions_are_both_right(delegate: str, actions: str) -> None:
    env = make("rao/DeepSearch-menu-v0", difficulty=2, actions=actions, window=None)
    names = [name for name in (delegate, "look_further", "answer") if name]
    assert play(env, *names) == pytest.approx(1 - env.turn_cost * env.tree.turns)
    assert (len(env.tree) > 1) == bool(delegate)
    env.close()


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize("delegate", ["", "delegate_4"])
def test_searching_and_delegating_mails_are_both_right(delegate: str, actions: str) -> None:
    env = make("rao/EmailSearch-menu-v0", difficulty=2, actions=actions, window=None, max_depth=1)
    names = [name for name in (delegate, "look_further", "answer") if name]
    assert play(env, *names) == pytest.approx(1 - env.turn_cost * env.tree.turns)
    assert len(env.tree) == (5 if delegate else 1)
    env.close()


@pytest.mark.parametrize("id", ["rao/DeepSearch-menu-v0", "rao/EmailSearch-menu-v0"])
def test_who_has_looked_delegates_no_more(id: str) -> None:
    env = make(id, difficulty=3)
    env.reset(seed=0)
    delegating = [place for place, name in enumerate(env.menu.actions) if name.startswith("delegate")]
    assert env.action_masks()[delegating].any()
    observation, *_ = env.step(env.menu.actions.index("look_further"))
    assert not env.action_masks()[delegating].any()
    assert observation in env.observation_space
    env.close()


@pytest.mark.parametrize("id", ["rao/DeepSearch-menu-v0", "rao/EmailSearch-menu-v0"])
def test_answering_at_once_fails(id: str) -> None:
    env = make(id, difficulty=3)
    assert play(env, "answer") == -env.turn_cost
    env.close()
