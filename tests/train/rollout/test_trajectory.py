"""Trajectories refuse what cannot be trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny import Plan, make_rollout, make_trajectory

from rao_gym.errors import InvalidValueError

GOOD = replace(
    make_trajectory(3),
    tokens_T=np.array([1, 2, 3], dtype=np.int32),
    mask_T=np.array([False, True, False]),
    logprobs_T=np.array([0, -0.5, 0], dtype=np.float32),
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens_T": np.array([1, 2, 3])}, "tokens_T must be int32 of shape"),
        ({"tokens_T": np.array([1, -2, 3], dtype=np.int32)}, "tokens_T must be at least 0, got -2"),
        ({"mask_T": np.array([False, True])}, r"mask_T must be bool of shape \(3,\), got bool of shape \(2,\)"),
        ({"mask_T": np.array([0, 1, 0])}, "mask_T must be bool"),
        ({"mask_T": np.zeros(3, dtype=bool)}, "mask_T must be True on at least one token"),
        ({"mask_T": np.array([True, True, False])}, "mask_T must be False on the first token"),
        ({"logprobs_T": np.array([0, -0.5, 0])}, "logprobs_T must be float32"),
        ({"logprobs_T": np.array([0, -0.5, -1], dtype=np.float32)}, "logprobs_T must be 0 on tokens"),
        ({"logprobs_T": np.array([0, 0.5, 0], dtype=np.float32)}, "logprobs_T must be finite and at most 0"),
        ({"logprobs_T": np.array([0, np.nan, 0], dtype=np.float32)}, "logprobs_T must be finite and at most 0"),
        ({"logprobs_T": np.array([0, -np.inf, 0], dtype=np.float32)}, "logprobs_T must be finite and at most 0"),
        ({"depth": -1}, "depth must be at least 0, got -1"),
    ],
)
def test_a_bad_trajectory_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        replace(GOOD, **changes)


def test_counts() -> None:
    assert len(GOOD) == 3
    assert GOOD.num_learned == 1


def test_trajectories_must_belong_to_their_tree() -> None:
    rollout = make_rollout(Plan("right", (Plan("right"),)), index=3)
    first, second = rollout.trajectories
    with pytest.raises(InvalidValueError, match="says rollout 3, group 0, depth 0"):
        replace(rollout, trajectories=[first, replace(second, depth=0)])
    with pytest.raises(InvalidValueError, match="Rollout 4 of group 0: the trajectory of node 0 says rollout 3"):
        replace(rollout, index=4)
    with pytest.raises(InvalidValueError, match="got node 0 after 1"):
        replace(rollout, trajectories=[second, first])
    with pytest.raises(InvalidValueError, match="got node 2 after 0"):
        replace(rollout, trajectories=[first, replace(second, node=2)])
