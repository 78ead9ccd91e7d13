"""Where the first steps push the launch rate: slopes against autograd, and the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_ablations import SMALL

from benchmarks.training.ablations import Run, warm_up
from benchmarks.training.arms import arm_recipe
from benchmarks.training.launch_pressure import KINDS, WEIGHTINGS, Start, kinds_of, pushes_of, table_of
from rao_gym.errors import InvalidValueError
from rao_gym.rewards import Signals
from rao_train.credit import CreditSettings, GroupFilter, credit

ONE_BATCH = (*SMALL, "training.minibatches_per_step=1")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    run = Run(out=tmp_path_factory.mktemp("study"), arm="rao", training="d4-5", seed=1, steps=1, overrides=ONE_BATCH)
    warm_up(run)
    return Start.load(arm_recipe("rao", "d4-5", 1, weights=run.weights, steps=1, overrides=ONE_BATCH))


def random_direction(start: Start) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    slopes = [torch.randn(weight.shape, generator=generator) for weight in start.model.parameters()]
    norm = torch.cat([slope.flatten() for slope in slopes]).norm()
    return [slope / norm for slope in slopes]


def test_slopes_are_those_of_autograd_and_leave_the_weights_alone(start: Start) -> None:
    rollouts = start.play(0)
    credited = credit(rollouts, CreditSettings(group_filter=GroupFilter.NONE)).trajectories
    direction = random_direction(start)
    before = [weight.detach().clone() for weight in start.model.parameters()]
    found = start.slopes(credited, direction)
    for weight, kept in zip(start.model.parameters(), before, strict=True):
        torch.testing.assert_close(weight, kept)
    for place in range(len(credited)):
        gradient = torch.autograd.grad(start.logprobs([credited[place]]).sum(), list(start.model.parameters()))
        expected = sum((slope * part).sum() for slope, part in zip(direction, gradient, strict=True))
        assert found[place] == pytest.approx(float(expected), rel=0.02, abs=0.02)


def test_a_push_is_the_mean_of_weight_advantage_and_slope(start: Start) -> None:
    played = start.play(1)
    rollouts = [replace(one, signals=Signals({node.id: one.index % 2 for node in one.tree.nodes})) for one in played]
    direction = random_direction(start)
    credited = credit(rollouts, CreditSettings()).trajectories
    assert len(credited) >= len(rollouts)
    terms = np.array([one.advantage for one in credited]) * start.slopes(credited, direction)
    assert pushes_of(start, rollouts, direction, "unweighted").sum() == pytest.approx(terms.mean(), rel=1e-3)
    for arm in WEIGHTINGS:
        assert pushes_of(start, rollouts, direction, arm).shape == (1, len(KINDS))
    equal = [replace(one, signals=Signals({node.id: 1.0 for node in one.tree.nodes})) for one in played]
    assert pushes_of(start, equal, direction, "rao").shape == (0, len(KINDS))


def test_a_policy_that_never_launches_has_no_launch_gradient(start: Start) -> None:
    with pytest.raises(InvalidValueError, match="all or none launched"):
        start.launch_gradient([start.play(0)])


def test_kinds_tell_work_and_choice(start: Start) -> None:
    rollouts = start.play(2)
    credited = credit(rollouts, CreditSettings(group_filter=GroupFilter.NONE)).trajectories
    for one, kind in zip(credited, kinds_of(credited, rollouts), strict=True):
        node = rollouts[one.trajectory.rollout].tree.nodes[one.trajectory.node]
        assert (
            KINDS[kind]
            == f"{'nested' if node.divisible else 'single'}, {'launches' if node.tried_to_launch else 'answers'}"
        )


def test_the_table_sums_kinds_and_counts_batches() -> None:
    found = {"rao": [[[1.0, 0.0, 0.0, -2.0], [3.0, 0.0, 0.0, 0.0]], [[0.0, 0.5, 0.0, 0.0]]]}
    row = table_of(found).splitlines()[2]
    sums = np.array([-1.0, 3.0, 0.5])
    assert row.split(" | ")[1:5] == ["+1.00 / +0.50", f"{sums.std():.2f}", "+0.50", "67%"]
    assert row.endswith("+1.33 | +0.17 | +0.00 | -0.67 |")
