"""Where the first training steps push the launch rate: ``python -m benchmarks.training.launch_pressure``.

From the warm-started weights of `benchmarks.training.ablations`, before any reinforcement learning, this takes the
gradient h of the launch rate of nested expressions, and then, from other rollouts, how much more likely a small step
along h makes each agent's trajectory. Weight times advantage times this, summed over an optimizer batch, is the slope
of the launch rate along the policy gradient of Eq. 5 (its scalar product with h). One set of rollouts serves all depth
weights, and the sum can be split by what the agents had to do and what they chose. The unit is arbitrary.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.training.arms import ARMS, TRAININGS, arm_recipe
from rao_gym.errors import InvalidValueError
from rao_gym.tree import Node
from rao_train import minimal
from rao_train.credit import CreditedTrajectory, CreditSettings, GroupFilter, credit, weighted_by_depth
from rao_train.engines.factory import EngineParts, make_engine
from rao_train.learning.batching import split
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.settings import Recipe
from rao_train.rollout.trajectory import Rollout
from rao_train.rollout.worker import PlannedRollout, RolloutWorker
from rao_train.run.model import model_of
from rao_train.run.parts import credit_of

WEIGHTINGS: Final = ("rao", "unweighted", "capped", "light_leaves")
"""The arms that differ in nothing but their depth weights."""

KINDS: Final = ("nested, launches", "nested, answers", "single, launches", "single, answers")
"""What an agent had to do, and what it chose; a refused launch counts."""

ROWS_AT_ONCE: Final = 256
STEP: Final = 1e-2
"""Length of the step along h, to either side."""


def kind_of(node: Node) -> int:
    """Return the place of a node's kind in `KINDS`."""
    return (0 if node.divisible else 2) + (0 if node.tried_to_launch else 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The warm-started policy, and what plays it.

    Attributes:
        recipe: What would be trained.
        model: The weights.
        worker: Grows trees with them.
    """

    recipe: Recipe
    model: Any
    worker: RolloutWorker

    @classmethod
    def load(cls, recipe: Recipe) -> Start:
        """Load the weights that a recipe starts from."""
        model, tokenizer = model_of(recipe)
        model.eval()
        template = TurnTemplate(tokenizer, recipe.model.template_arguments, declared_end_ids(model))
        parts = EngineParts(model=model, end_ids=list(template.end_ids), settings=recipe.engine, bf16=False)
        worker = RolloutWorker(recipe.environment.setup(), make_engine(parts), template, recipe.sampling)
        return cls(recipe=recipe, model=model, worker=worker)

    def play(self, batch: int) -> list[Rollout]:
        """Play the tasks of a training step, every difficulty equally often; no two batches share one."""
        family, how = self.recipe.environment.setup().family, self.recipe.training
        difficulties = sorted(self.recipe.curriculum.difficulties)
        plans: list[PlannedRollout] = []
        for group in range(how.tasks_per_step):
            index = batch * how.tasks_per_step + group
            task = family.sample(self.recipe.seed, "train", index, difficulties[group % len(difficulties)])
            for _ in range(how.group_size):
                place = len(plans)
                plans.append(PlannedRollout(task=task, index=place, group=group, seed=(batch, place)))
        return list(self.worker.grow(plans).rollouts)

    def logprobs(self, trajectories: Sequence[CreditedTrajectory]) -> Tensor:
        """Return log π of what each agent wrote."""
        rows = [credited.trajectory for credited in trajectories]
        shown = [minimal.Demonstration(row.tokens_T.tolist(), row.mask_T.tolist()) for row in rows]
        logprobs, written = minimal.logprobs_of(self.model, shown, self.recipe.sampling.temperature)
        return (logprobs * written).sum(1)

    def launch_gradient(self, batches: Sequence[list[Rollout]]) -> list[Tensor]:
        """Return the direction in which the launch rate of nested expressions rises fastest, by the score function.

        Raises:
            InvalidValueError: All agents made the same choice, so that nothing can be said of the other.
        """
        self.model.zero_grad()
        for rollouts in batches:
            credited = list(credit(rollouts, CreditSettings(group_filter=GroupFilter.NONE)).trajectories)
            kinds_N = kinds_of(credited, rollouts)
            nested_N = kinds_N < 2
            centred_N = np.where(nested_N, (kinds_N == 0) - np.mean(kinds_N[nested_N] == 0), 0.0)
            for first in range(0, len(credited), ROWS_AT_ONCE):
                part = slice(first, first + ROWS_AT_ONCE)
                (torch.tensor(centred_N[part]) * self.logprobs(credited[part])).sum().backward()
        slopes = [torch.zeros_like(one) if one.grad is None else one.grad.clone() for one in self.model.parameters()]
        norm = torch.sqrt(sum((slope**2).sum() for slope in slopes))  # type: ignore[arg-type]
        if not norm > 0:
            raise InvalidValueError("Of the nested expressions, all or none launched: play more batches.")
        return [slope / norm for slope in slopes]

    @torch.no_grad()
    def slopes(self, trajectories: Sequence[CreditedTrajectory], direction: Sequence[Tensor]) -> NDArray[np.float64]:
        """Return the slope of log π of each trajectory along a direction, by central differences."""
        sides = []
        for step in (STEP, -2 * STEP):
            for weight, slope in zip(self.model.parameters(), direction, strict=True):
                weight.add_(slope, alpha=step)
            starts = range(0, len(trajectories), ROWS_AT_ONCE)
            sides.append(torch.cat([self.logprobs(trajectories[at : at + ROWS_AT_ONCE]) for at in starts]))
        for weight, slope in zip(self.model.parameters(), direction, strict=True):
            weight.add_(slope, alpha=STEP)
        return np.asarray((sides[0] - sides[1]).double() / (2 * STEP))


def kinds_of(credited: Sequence[CreditedTrajectory], rollouts: Sequence[Rollout]) -> NDArray[np.int64]:
    """Return the kind of each trajectory's agent."""
    trees = {rollout.index: rollout.tree for rollout in rollouts}
    nodes = [trees[one.trajectory.rollout].nodes[one.trajectory.node] for one in credited]
    return np.array([kind_of(node) for node in nodes], dtype=np.int64)


def pushes_of(start: Start, rollouts: Sequence[Rollout], direction: Sequence[Tensor], arm: str) -> NDArray[np.float64]:
    """Return the slope of the launch rate along the gradient of each optimizer batch of a step, by kind: [2, kinds]."""
    settings = arm_recipe(arm, "d4-5", 0, weights=Path(), steps=0).credit
    credited = credit_of(settings)(rollouts, settings).trajectories
    found = []
    for part in split(credited, start.recipe.training.minibatches_per_step, np.random.default_rng(0)):
        weighted = weighted_by_depth(part, settings.max_child_weight) if settings.depth_weighting else part
        coefficients_N = np.array([one.weight * one.advantage for one in weighted]) / len(weighted)
        pushes_N = coefficients_N * start.slopes(weighted, direction)
        found.append(np.bincount(kinds_of(weighted, rollouts), weights=pushes_N, minlength=len(KINDS)))
    return np.array(found, dtype=np.float64).reshape(-1, len(KINDS))  # no rows if every group was filtered out


def table_of(found: Mapping[str, Sequence[Sequence[Sequence[float]]]]) -> str:
    """Return, in Markdown, how the optimizer batches push: by seed, then by kind over all seeds."""
    lines = [
        f"| weights | mean, by seed | deviation | median | push up | {' | '.join(KINDS)} |",
        f"|{'---|' * (len(KINDS) + 5)}",
    ]
    for arm, seeds in found.items():
        pushes_BK = np.concatenate([np.array(seed) for seed in seeds])
        sums_B = pushes_BK.sum(1)
        means = " / ".join(f"{np.array(seed).sum(1).mean():+.2f}" for seed in seeds)
        spread = [f"{sums_B.std():.2f}", f"{np.median(sums_B):+.2f}", f"{np.mean(sums_B > 0):.0%}"]
        cells = [ARMS[arm].title, means, *spread]
        lines.append(f"| {' | '.join([*cells, *(f'{mean:+.2f}' for mean in pushes_BK.mean(0))])} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"), help="folder of the ablations")
    parser.add_argument("--training", choices=list(TRAININGS), default="d4-5")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=20, help="rollout batches for each of the two measurements")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[list[list[float]]]] = {arm: [] for arm in WEIGHTINGS}
    for seed in options.seeds:
        weights = options.out / "warm_start" / f"seed_{seed}" / "model"
        start = Start.load(arm_recipe("rao", options.training, seed, weights=weights, steps=1))
        direction = start.launch_gradient([start.play(batch) for batch in range(options.batches)])
        batches = [start.play(batch) for batch in range(options.batches, 2 * options.batches)]
        for arm in WEIGHTINGS:
            found[arm].append(np.concatenate([pushes_of(start, one, direction, arm) for one in batches]).tolist())
    document = {"training": options.training, "seeds": options.seeds, "kinds": KINDS, "pushes": found}
    (options.out / f"launch_pressure_{options.training}.json").write_text(json.dumps(document) + "\n")
    print(table_of(found))


if __name__ == "__main__":
    main()
