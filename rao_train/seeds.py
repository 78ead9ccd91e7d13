"""Seeds: every source of chance in a run is derived from the recipe's seed, a purpose and counters.

Nothing keeps a generator from step to step, so the counters alone say how a run goes on.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """What a seed is for; equal counters of different purposes share nothing."""

    TOKENIZER = 0
    DEMONSTRATIONS = 1
    SUPERVISION = 2
    TASKS = 3
    DRAWS = 4
    MINIBATCHES = 5
    EVALUATION = 6


def seed_of(seed: int, purpose: Purpose, *counters: int) -> tuple[int, ...]:
    """Return the seed of a generator, as `np.random.default_rng` takes it."""
    return (seed, int(purpose), *counters)
