"""Check that tasks can be solved within their limits, as the reference policies demonstrate."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rao_gym.evaluation.rollouts import run_rollouts
from rao_gym.registry import make_setup
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ensure
from rao_gym.tools import LAUNCH


def check_solvability(
    id: str,
    *,
    difficulties: Sequence[int] = (1, 2, 3),
    num_tasks: int = 5,
    min_success: float = 1.0,
    **options: Any,
) -> None:
    """Check that the reference policy solves the tasks, and that the single-agent policy plays them to the end.

    The single-agent policy need not succeed, but must not try to launch.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks.
        num_tasks: Tasks of each difficulty.
        min_success: Minimum mean success signal of the reference policy, at each difficulty.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: The reference policy falls short, or the single-agent policy tries to launch.
        PolicyError: A policy raised or broke its protocol.
    """
    for form, chosen in settings_by_form(id, options):
        recursive, alone = make_setup(id, **chosen), make_setup(id, **chosen | {"recursive": False})
        for difficulty in difficulties:
            keys = task_keys([difficulty], num_tasks)
            signals = {
                rollout.task_id: rollout.tree.root.signal or 0.0
                for rollout in run_rollouts(recursive.family.reference_policy(), recursive, keys)
                if rollout.tree is not None
            }
            success = fmean(signals.values())
            worst = min(signals, key=lambda task: signals[task])
            ensure(
                success >= min_success,
                f"{id} ({form}): the reference policy's success at difficulty {difficulty} is {success:.3f}, "
                f"below {min_success}; it does worst on {worst}.",
            )
            for rollout in run_rollouts(alone.family.single_policy(), alone, keys):
                messages = rollout.tree.root.messages if rollout.tree else []
                launched = any(LAUNCH in message["content"] for message in messages if message["role"] == "assistant")
                ensure(not launched, f"{id} ({form}): the single-agent policy tries to launch on {rollout.task_id}.")
