"""Batches that fork, as the trajectories of a tree do: shared prefixes, forks at any depth, and exact copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tiny import make_trajectory

from rao_train.credit import CreditedTrajectory
from rao_train.rollout.trajectory import Trajectory


def forked_batch(seed: int, size: int, vocabulary: int, *, longest: int = 24) -> list[CreditedTrajectory]:
    """Return trajectories with random advantages, of which most begin as others do.

    Copies of a text differ in their masks, in the policy that sampled them, and in their advantages.
    """
    generator = np.random.default_rng([seed, size, vocabulary])
    batch: list[CreditedTrajectory] = []
    for place in range(size):
        before = batch[generator.integers(place)].trajectory if place and generator.random() < 0.9 else None
        trajectory = _grown_from(before, generator, vocabulary, longest)
        weight, advantage = float(generator.random() + 0.5), float(generator.normal())
        batch.append(CreditedTrajectory(trajectory=trajectory, reward=0.0, advantage=advantage, weight=weight))
    return batch


def _grown_from(before: Trajectory | None, generator: np.random.Generator, vocabulary: int, longest: int) -> Trajectory:
    """Return a trajectory that begins as another, or is its copy."""
    fresh = make_trajectory(int(generator.integers(2, longest + 1)), seed=int(generator.integers(10_000)))
    tokens_T = generator.integers(0, vocabulary, len(fresh)).astype(np.int32)
    if before is None:
        return replace(fresh, tokens_T=tokens_T)
    if generator.random() < 0.3:
        again = make_trajectory(len(before), seed=int(generator.integers(10_000)))
        return replace(again, tokens_T=before.tokens_T)
    num_shared = int(generator.integers(0, min(len(before), len(fresh)) + 1))
    return replace(fresh, tokens_T=np.concatenate([before.tokens_T[:num_shared], tokens_T[num_shared:]]))
