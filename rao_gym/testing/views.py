"""Check that all views of a family show the same tree."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import gymnasium

from rao_gym.envs.aec import RecursiveAECEnv, aec_env
from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.envs.parallel import RecursiveParallelEnv, parallel_env
from rao_gym.evaluation.rollouts import TaskKey, run_rollouts
from rao_gym.policies.base import Policy
from rao_gym.registry import make_setup
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ConformanceError, ensure
from rao_gym.tree import ExecutionTree


def check_views(id: str, *, difficulties: Sequence[int] = (1, 2, 3), **options: Any) -> None:
    """Check that the reference policy grows the same tree through every view.

    Every observation must be in its space, and every agent that appears must leave.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks, one task each.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: A view differs from the runtime, or an observation is not in its space.
    """
    for form, chosen in settings_by_form(id, options):
        built = make_setup(id, **chosen)
        policy = built.family.reference_policy()
        with (
            closing(gymnasium.make(id, **chosen)) as env,
            closing(aec_env(id, **chosen)) as aec,
            closing(parallel_env(id, **chosen)) as parallel,
        ):
            gym = env.unwrapped
            if not isinstance(gym, RecursiveEnv):
                raise ConformanceError(f"{id} is not registered with rao_gym.register.")
            for key in task_keys(difficulties, 1):
                [rollout] = run_rollouts(policy, built, [key])
                trees = {
                    "Gymnasium": _through_gymnasium(gym, policy, key),
                    "AEC": _through_aec(aec, policy, key),
                    "Parallel": _through_parallel(parallel, policy, key),
                }
                for view, tree in trees.items():
                    ensure(
                        tree == rollout.tree,
                        f"{id} ({form}): the {view} view grows another tree than the runtime on {rollout.task_id}.",
                    )


def _options(key: TaskKey) -> dict[str, Any]:
    """Return the reset options that start a task."""
    return {"difficulty": key.difficulty, "split": key.split, "index": key.index}


def _through_gymnasium(env: RecursiveEnv, policy: Policy, key: TaskKey) -> ExecutionTree:
    """Play a task through the Gymnasium view."""
    observation, info = env.reset(seed=key.seed, options=_options(key))
    over = False
    while not over:
        _ensure_contained(observation, env.observation_space, info["agent"])
        [action] = policy.act([env.turn])
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    _ensure_contained(observation, env.observation_space, info["agent"])
    return env.tree


def _through_aec(env: RecursiveAECEnv, policy: Policy, key: TaskKey) -> ExecutionTree:
    """Play a task through the AEC view."""
    env.reset(seed=key.seed, options=_options(key))
    for agent in env.agent_iter():
        observation, _, terminated, truncated, _ = env.last()
        _ensure_contained(observation, env.observation_space(agent), agent)
        env.step(None if terminated or truncated else policy.act([env.turn(agent)])[0])
    return env.tree


def _through_parallel(env: RecursiveParallelEnv, policy: Policy, key: TaskKey) -> ExecutionTree:
    """Play a task through the Parallel view."""
    observations, infos = env.reset(seed=key.seed, options=_options(key))
    while env.agents:
        for agent, observation in observations.items():
            _ensure_contained(observation, env.observation_space(agent), agent)
        ready = [agent for agent in env.agents if infos[agent]["ready"]]
        actions = policy.act([env.turn(agent) for agent in ready])
        observations, *_, infos = env.step(dict(zip(ready, actions, strict=True)))
    return env.tree


def _ensure_contained(observation: Any, space: gymnasium.Space[Any], agent: str) -> None:
    """Check that an observation is in its space.

    Raises:
        ConformanceError: It is not.
    """
    ensure(observation in space, f"The observation of {agent} is not in its space: {str(observation)[:200]}")
