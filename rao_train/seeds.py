"""Seeds: all randomness of a run derives from the recipe's seed, a purpose and counters.

No generator is kept from step to step, so the counters are all that an exact resume needs.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """The purpose of a seed; equal counters with different purposes share nothing."""

    TOKENIZER = 0
    DEMONSTRATIONS = 1
    SUPERVISION = 2
    TASKS = 3
    DRAWS = 4
    MINIBATCHES = 5
    EVALUATION = 6


def seed_of(seed: int, purpose: Purpose, *counters: int) -> tuple[int, ...]:
    """Return a seed for `np.random.default_rng`."""
    return (seed, int(purpose), *counters)
