"""Time steps that run random programs: ``PYTHONPATH=tests python -m benchmarks.random_programs --programs 10000``.

The programs are those of the tests: they send values of every kind across every crossing between a cell and its host.
Printed are the times of `env.step` as shares of a cell's time limit, and how much memory the host held at its peak,
the workers not included.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from itertools import islice
from time import perf_counter

import gymnasium
import numpy as np
from counting import cell, registered
from programs import programs

from rao_gym.sandbox import SandboxLimits

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
SHARES = (0.1, 0.5, 1.0, 1.5, 2.0)


def step_seconds(id: str, num_programs: int, seed: int) -> Iterator[float]:
    """Yield what each program's step took; half of them are run where agents cannot launch sub-agents."""
    for recursive in (True, False):
        env = gymnasium.make(id, actions="python", recursive=recursive, difficulty=3, disable_env_checker=True)
        env.reset(seed=seed)
        for code in islice(programs(seed + recursive), (num_programs + recursive) // 2):
            started = perf_counter()
            _, _, terminated, truncated, _ = env.step(cell(code))
            yield perf_counter() - started
            if terminated or truncated:
                env.reset()
        env.close()


def main() -> None:
    """Run the programs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    limit = SandboxLimits().cell_seconds
    with registered() as id:
        next(step_seconds(id, 2, arguments.seed))  # imports what is imported late
        before = peak_bytes()
        shares = np.array(list(step_seconds(id, arguments.programs, arguments.seed))) / limit
    print(f"{len(shares):,} programs, a cell may compute for {limit:g} s")
    for quantile in QUANTILES:
        name = "max" if quantile == 1 else f"p{100 * quantile:g}"
        print(f"{name:>6} step time / limit: {np.quantile(shares, quantile):.4f}")
    for share in SHARES:
        print(f"steps over {share:g} of the limit: {np.count_nonzero(shares > share)}")
    print(f"host memory at its peak: {peak_bytes() / 2**20:,.0f} MiB, {before / 2**20:,.0f} MiB before the programs")


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
