"""What each setting of ``credit.bonus`` teaches: ``python -m benchmarks.reward_farming [--seeds 5] [--out FILE.json]``.

A toy policy draws one of a few scripted behaviours for each agent: it guesses, delegates, or farms the bonus
(`benchmarks.farming_scenes`). Environments, verification and credit (Eq. 1, 3 and 4 of arXiv:2605.06639) are the real
ones; the policy is a softmax over behaviours, one for work that an agent can do alone and one for larger work, and
learns by plain policy gradient. The first table shows what it does in the end, the second what each behaviour earns a
root whose descendants all work honestly.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.farming_scenes import ALONE, BEHAVIOURS, DELEGATES, FARMS, QUITS, Scene, scenes
from rao_gym.rewards import Bonus, node_rewards, success_signals
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tasks.base import Task
from rao_gym.tree import ExecutionTree
from rao_train.credit import CreditSettings, credit, weighted_by_depth
from rao_train.rollout.trajectory import Rollout, Trajectory

DELEGATION_BONUS = 0.4
SMALL, LARGE = 0, 1
Choose = Callable[[int, int], int]
"""Takes an agent's depth and whether its work is small or large; returns a behaviour."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the toy policy learns."""

    steps: int = 40
    tasks_per_step: int = 4
    group_size: int = 8
    num_tasks: int = 24
    learning_rate: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one run ended.

    Attributes:
        family: The family.
        bonus: The setting.
        seed: The seed.
        shares: Probability of each behaviour of an agent with large work.
        success: Mean success of the roots over the last steps.
    """

    family: str
    bonus: str
    seed: int
    shares: dict[str, float]
    success: float

    def share_of(self, *behaviours: str) -> float:
        """Return the probability of some behaviours together."""
        return sum(self.shares[name] for name in behaviours)


@dataclass(frozen=True, kw_only=True)
class Played:
    """A tree, and what its agents chose: whether their work was small or large, and their behaviour."""

    tree: ExecutionTree
    choices: dict[int, tuple[int, int]]


def play(scene: Scene, runtime: Runtime[Any], task: Task[Any], choose: Choose) -> Played:
    """Grow one tree."""
    choices: dict[int, tuple[int, int]] = {}
    runtime.start(task)
    while not runtime.done:
        node = next(iter(runtime.ready))
        turn = turn_of(runtime, node)
        if node.id not in choices:
            size = SMALL if scene.is_small(turn) else LARGE
            choices[node.id] = (size, choose(node.depth, size))
        runtime.act(node, scene.scripts[BEHAVIOURS[choices[node.id][1]]](turn, task))
    return Played(tree=runtime.tree, choices=choices)


def train(scene: Scene, bonus: Bonus, seed: int, settings: Settings) -> Outcome:
    """Train the toy policy."""
    rng = np.random.default_rng(seed)
    runtime = scene.setup.runtime()
    logits = np.zeros((2, len(BEHAVIOURS)))
    successes: list[float] = []
    for step in range(settings.steps):
        probabilities = _softmax(logits)
        first = step * settings.tasks_per_step
        tasks = [
            scene.setup.family.sample(seed, "train", index % settings.num_tasks, scene.difficulty)
            for index in range(first, first + settings.tasks_per_step)
            for _ in range(settings.group_size)
        ]
        played = [play(scene, runtime, task, _drawing(probabilities, rng)) for task in tasks]
        successes.append(fmean(one.tree.root.signal or 0.0 for one in played))
        logits += settings.learning_rate * _gradient(played, probabilities, bonus, settings.group_size)
    runtime.close()
    shares = dict(zip(BEHAVIOURS, _softmax(logits)[LARGE].tolist(), strict=True))
    return Outcome(family=scene.name, bonus=bonus, seed=seed, shares=shares, success=fmean(successes[-5:]))


def _drawing(probabilities: NDArray[np.float64], rng: np.random.Generator) -> Choose:
    """Return the toy policy."""
    return lambda _depth, size: int(rng.choice(len(BEHAVIOURS), p=probabilities[size]))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _gradient(
    played: Sequence[Played], probabilities: NDArray[np.float64], bonus: Bonus, group_size: int
) -> NDArray[np.float64]:
    """Return the mean of w · A · ∇ log π over the agents (Eq. 5)."""
    rollouts = [_rollout(one.tree, index, index // group_size) for index, one in enumerate(played)]
    credited = weighted_by_depth(
        credit(rollouts, CreditSettings(delegation_bonus=DELEGATION_BONUS, bonus=bonus)).trajectories
    )
    gradient = np.zeros_like(probabilities)
    for item in credited:
        size, behaviour = played[item.trajectory.rollout].choices[item.trajectory.node]
        gradient[size] -= item.weight * item.advantage * probabilities[size]
        gradient[size, behaviour] += item.weight * item.advantage
    return gradient / max(1, len(credited))


def _rollout(tree: ExecutionTree, index: int, group: int) -> Rollout:
    """Return a tree as the trainer takes it; each agent's trajectory is one token, its choice."""
    trajectories = [
        Trajectory(
            tokens_T=np.zeros(2, dtype=np.int32),
            mask_T=np.array([False, True]),
            logprobs_T=np.zeros(2, dtype=np.float32),
            versions_T=np.zeros(2, dtype=np.int32),
            node=node.id,
            depth=node.depth,
            rollout=index,
            group=group,
        )
        for node in tree.nodes
        if node.turns
    ]
    return Rollout(tree=tree, signals=success_signals(tree), trajectories=trajectories, index=index, group=group)


def earnings(scene: Scene, num_tasks: int) -> dict[str, dict[str, float]]:
    """Return the root's mean reward by behaviour and setting, where its descendants work honestly."""
    runtime = scene.setup.runtime()
    tasks = [scene.setup.family.sample(0, "test", index, scene.difficulty) for index in range(num_tasks)]
    found: dict[str, dict[str, float]] = {}
    for number, name in enumerate(BEHAVIOURS):
        trees = [play(scene, runtime, task, _honest_below(number)).tree for task in tasks]
        found[name] = {
            bonus.value: fmean(
                node_rewards(tree, success_signals(tree).by_node, DELEGATION_BONUS, bonus=bonus)[0] for tree in trees
            )
            for bonus in Bonus
        }
    runtime.close()
    return found


def _honest_below(own: int) -> Choose:
    """Return a policy that does one thing at the root, and works or delegates honestly below it."""
    honest = (BEHAVIOURS.index(ALONE), BEHAVIOURS.index(DELEGATES))
    return lambda depth, size: honest[size] if depth else own


def table_of_outcomes(outcomes: Sequence[Outcome]) -> Table:
    """Return who won: for each family and setting, means over the seeds, and the worst seed for delegation."""
    table = Table("family", "bonus", "delegates", "(least)", "farms", "(most)", "gives up", "alone", "success")
    for family in dict.fromkeys(outcome.family for outcome in outcomes):
        for bonus in Bonus:
            runs = [one for one in outcomes if (one.family, one.bonus) == (family, bonus)]
            delegated = [one.share_of(DELEGATES) for one in runs]
            farmed = [one.share_of(*FARMS) for one in runs]
            quit_, alone = (fmean(one.share_of(*names) for one in runs) for names in (QUITS, (ALONE,)))
            numbers = (fmean(delegated), min(delegated), fmean(farmed), max(farmed), quit_, alone)
            success = fmean(one.success for one in runs)
            table.add_row(family, bonus, *(f"{number:.2f}" for number in (*numbers, success)))
    return table


def table_of_earnings(earned: dict[str, dict[str, dict[str, float]]]) -> Table:
    """Return what each behaviour earns, by family and setting."""
    table = Table("behaviour of the root", *(f"{family}: {bonus}" for family in earned for bonus in Bonus))
    for name in BEHAVIOURS:
        table.add_row(name, *(f"{earned[family][name][bonus]:.2f}" for family in earned for bonus in Bonus))
    return table


def main() -> None:
    """Train with every setting in every family, and print and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--tasks", type=int, default=20, help="tasks of the second table")
    parser.add_argument("--out", type=Path, help="write both tables as JSON")
    arguments = parser.parse_args()
    settings = Settings(steps=arguments.steps)
    everything = scenes()
    runs = product(everything, Bonus, range(arguments.seeds))
    outcomes = [train(scene, bonus, seed, settings) for scene, bonus, seed in runs]
    earned = {scene.name: earnings(scene, arguments.tasks) for scene in everything}
    for scene in everything:
        scene.setup.family.close()
    console = Console(width=160)
    console.print(table_of_outcomes(outcomes))
    console.print(table_of_earnings(earned))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        document = {"runs": [asdict(one) for one in outcomes], "earnings": earned}
        arguments.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
