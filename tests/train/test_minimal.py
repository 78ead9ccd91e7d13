"""The single-file trainer agrees with the full one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from counting import registered

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.arithmetic.family import Arithmetic, Problem
from rao_gym.tasks.base import Task
from rao_train import minimal
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import read_log
from rao_train.run.phases import TRAIN
from rao_train.run.trainer import Trainer

RECIPE = (
    "model.tiny.layers=1",
    "model.tiny.width=32",
    "model.tiny.heads=2",
    "model.tiny.hidden=32",
    "environment.options.max_turns=3",
    "environment.options.modulus=5",
    "warm_start.stages.0.steps=30",
    "warm_start.stages.0.learning_rate=1e-2",
    "warm_start.stages.0.demonstrations=40",
    "warm_start.stages.0.sequences_per_step=16",
    "warm_start.stages.1.steps=30",
    "warm_start.stages.2.steps=30",
    "warm_start.stages.1.learning_rate=1e-2",
    "warm_start.stages.2.learning_rate=1e-2",
    "warm_start.stages.1.demonstrations=100",
    "warm_start.stages.2.demonstrations=100",
    "warm_start.stages.1.sequences_per_step=32",
    "warm_start.stages.2.sequences_per_step=32",
    "warm_start.stages.3.steps=1",
    "warm_start.stages.3.demonstrations=10",
    "curriculum.difficulties={1 = 1, 2 = 1}",
    "training.tasks_per_step=4",
    "training.group_size=4",
    "evaluation.every=0",
)


def recipe(*overrides: str) -> Recipe:
    return load_recipe("arithmetic_tiny", [*RECIPE, *overrides])


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a warm-started model."""
    folder = tmp_path_factory.mktemp("runs")
    Trainer(recipe("training.steps=0", "evaluation.final=false"), folder).run()
    return folder / "warm_start"


def from_warm(warm: Path, *overrides: str) -> Recipe:
    return recipe(f"model.path={warm}", "warm_start.stages=[]", "evaluation.final=false", *overrides)


def losses_of_the_full_trainer(settings: Recipe, folder: Path) -> list[float]:
    Trainer(settings, folder).run()
    log = [entry.metrics for entry in read_log(folder) if entry.phase == TRAIN]
    return [metrics["loss"] for metrics in log if "loss" in metrics]  # a batch without variance has none


def losses_of_minimal(settings: Recipe) -> list[Sequence[float]]:
    return [losses for _, losses in minimal.train(settings)]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_first_losses_agree(seed: int, warm: Path, tmp_path: Path) -> None:
    settings = from_warm(
        warm, f"seed={seed}", "training.steps=3", "training.minibatches_per_step=1", "evaluation.tasks=1"
    )
    full, single = losses_of_the_full_trainer(settings, tmp_path), losses_of_minimal(settings)
    assert full[0] != 0
    assert single[0][0] == pytest.approx(full[0], abs=1e-5)
    assert [losses[0] for losses in single] == pytest.approx(full, abs=1e-3)


class RootOnly(Arithmetic):
    """Verifies the root and nobody else."""

    id = "test/RootOnly-v0"

    def verify(  # type: ignore[override]  # a family may know less
        self, task: Task[Problem], agent: Agent[Problem], value: JSON
    ) -> float | None:
        return None if agent.depth else super().verify(task, agent, value)


def test_children_that_nobody_verifies_agree(warm: Path, tmp_path: Path) -> None:
    with registered(f"{__name__}:RootOnly", RootOnly.id) as id:
        settings = from_warm(
            warm, f"environment.id={id}", "training.steps=1", "training.minibatches_per_step=1", "evaluation.tasks=1"
        )
        full, single = losses_of_the_full_trainer(settings, tmp_path), losses_of_minimal(settings)
    (entry,) = (entry for entry in read_log(tmp_path) if entry.phase == TRAIN)
    assert entry.metrics["tree/depth"] > 0
    assert single[0][0] == pytest.approx(full[0], abs=1e-5)


def test_the_window_and_turns_that_are_cut_off_agree(warm: Path, tmp_path: Path) -> None:
    settings = from_warm(
        warm,
        "environment.options.window=150",
        "sampling.max_new_tokens=6",
        "training.steps=1",
        "training.minibatches_per_step=1",
        "evaluation.tasks=1",
    )
    full, single = losses_of_the_full_trainer(settings, tmp_path), losses_of_minimal(settings)
    assert single[0][0] == pytest.approx(full[0], abs=1e-5)


def test_off_policy_minibatches_agree(warm: Path, tmp_path: Path) -> None:
    settings = from_warm(warm, "training.steps=1", "training.minibatches_per_step=2", "evaluation.tasks=1")
    full, single = losses_of_the_full_trainer(settings, tmp_path), losses_of_minimal(settings)
    assert sum(single[0]) / 2 == pytest.approx(full[0], abs=1e-5)


def test_bounded_depth_weights_agree(warm: Path, tmp_path: Path) -> None:
    settings = from_warm(
        warm, "credit.max_child_weight=1", "training.steps=1", "training.minibatches_per_step=1", "evaluation.tasks=1"
    )
    full, single = losses_of_the_full_trainer(settings, tmp_path / "bounded"), losses_of_minimal(settings)
    assert single[0][0] == pytest.approx(full[0], abs=1e-5)
    unbounded = from_warm(warm, "training.steps=1", "training.minibatches_per_step=1", "evaluation.tasks=1")
    assert losses_of_the_full_trainer(unbounded, tmp_path / "unbounded")[0] != full[0]


def test_the_curriculum_and_the_warm_up_agree(warm: Path, tmp_path: Path) -> None:
    settings = from_warm(
        warm,
        "curriculum={kind = 'adaptive', start = 2, window = 4}",
        "learner.warmup_steps=20",
        "learner.learning_rate=1e-2",
        "training.steps=4",
        "training.minibatches_per_step=1",
        "evaluation.tasks=1",
    )
    full, single = losses_of_the_full_trainer(settings, tmp_path), losses_of_minimal(settings)
    difficulties = [entry.metrics["curriculum/difficulty"] for entry in read_log(tmp_path) if entry.phase == TRAIN]
    assert len(set(difficulties)) > 1
    assert len(full) > 1
    assert [losses[0] for losses in single if losses] == pytest.approx(full, abs=1e-3)


def test_the_warm_start_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = recipe("training.steps=0", "evaluation.final=false", "evaluation.tasks=1")
    assert losses_of_minimal(settings) == []
    printed = [float(loss) for loss in re.findall(r"loss ([0-9.]+),", capsys.readouterr().out)]
    Trainer(settings, tmp_path).run()
    log = read_log(tmp_path)
    last = {entry.phase: entry.metrics["loss"] for entry in log}
    assert printed == pytest.approx(list(last.values()), abs=2e-2)


def test_it_is_short() -> None:
    assert len(Path(minimal.__file__).read_text(encoding="utf-8").splitlines()) <= 350
