"""Environments that are copied or pickled in the middle of an episode, for every family and view."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rao_gym import aec_env, parallel_env, registered_ids
from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.registry import family_class
from rao_gym.tree import ExecutionTree, NodeStatus

SMALL: dict[str, Any] = {"difficulty": 3, "max_nodes": 12}
FORMS = [(id, form) for id in registered_ids() for form in family_class(id).action_forms]
COPIES: dict[str, Callable[[Any], Any]] = {
    "deep copy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
}


def gymnasium_view(id: str, **options: Any) -> RecursiveEnv:
    family = family_class(id)
    return RecursiveEnv(f"{family.__module__}:{family.__qualname__}", **options)


def play(env: Any, policy: Any) -> Iterator[ExecutionTree]:
    """Play an episode that has begun, and yield the tree before each step and at the end."""
    while True:
        yield env.tree
        if isinstance(env, RecursiveEnv):
            if env.tree.root.ended:
                return
            env.step(policy.act([env.turn])[0])
        elif not env.agents:
            return
        elif hasattr(env, "agent_selection"):
            _, _, terminated, truncated, _ = env.last()
            env.step(None if terminated or truncated else policy.act([env.turn(env.agent_selection)])[0])
        else:
            ready = [node.name for node in env.tree.nodes if node.status is NodeStatus.READY]
            env.step({agent: policy.act([env.turn(agent)])[0] for agent in ready})


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("view", [gymnasium_view, aec_env, parallel_env])
@pytest.mark.parametrize(("id", "form"), FORMS)
def test_a_copy_goes_on_as_the_original_does(id: str, form: str, view: Callable[..., Any], copied: str) -> None:
    env = view(id, actions=form, **SMALL)
    policy = family_class(id)().reference_policy()
    env.reset(seed=0)
    playing = play(env, policy)
    for _ in range(3):
        next(playing)
    other = COPIES[copied](env)
    assert other.tree == env.tree
    assert other.tree is not env.tree
    before = env.tree.to_json()
    *_, theirs = play(other, policy)
    assert env.tree.to_json() == before
    *_, ours = playing
    assert theirs == ours
    assert ours.root.ended
    assert len(ours) > 1
    other.close()
    env.close()
