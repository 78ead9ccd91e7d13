"""The trainer as a whole: what it writes, how it goes on, and what its settings do."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.evaluation import evaluate, read_trees
from rao_train.models.loading import check_device, load_folder
from rao_train.policies import HuggingFacePolicy
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.checkpoint import CheckpointError
from rao_train.run.logs import LogEntry, read_log
from rao_train.run.metrics import DESCRIPTIONS, describe
from rao_train.run.phases import EVALUATION, SAMPLED, TRAIN
from rao_train.run.progress import SilentReporter
from rao_train.run.trainer import Trainer

WARM_START = 70
"""Ticks of the small recipe's warm start."""

EVALUATED = [WARM_START + 1, WARM_START + 2, WARM_START + 4, WARM_START + 5]
"""Ticks of its evaluations: before the first step, after every other one, and at the end."""

SINGLES = "{name = 'single operations', steps = 30, learning_rate = 1e-2, demonstrations = 40, sequences_per_step = 16}"
DELEGATION = (
    "{name = '%s', steps = %d, learning_rate = 1e-2, demonstrations = 80, sequences_per_step = 32, "
    "difficulties = {1 = 0.1, 2 = 0.9}, policies = {'rao_gym.tasks.arithmetic:EagerPolicy' = 0.7, "
    "'rao_gym.tasks.arithmetic:DirectPolicy' = 0.3}}"
)

SMALL = (
    "model.tiny.layers=1",
    "model.tiny.width=32",
    "model.tiny.heads=2",
    "model.tiny.hidden=32",
    "environment.options.modulus=5",
    "curriculum.difficulties={1 = 1}",
    f"warm_start.stages=[{SINGLES}, {DELEGATION % ('delegation', 20)}, {DELEGATION % ('refinement', 20)}]",
    "environment.options.max_turns=3",
    "training.steps=4",
    "training.tasks_per_step=4",
    "training.group_size=4",
    "training.checkpoint_every=17",
    "evaluation.every=2",
    "evaluation.first=false",
    "evaluation.sampled=false",
    "evaluation.tasks=3",
    "evaluation.tasks_on_the_way=2",
    "evaluation.difficulties=[1, 2]",
    "logging.trees_every=2",
    "credit.group_filter=none",
)


def small(*overrides: str) -> Recipe:
    return load_recipe("arithmetic_tiny", [*SMALL, *overrides])


def entries(folder: Path, phase: str) -> list[LogEntry]:
    return [entry for entry in read_log(folder) if entry.phase == phase]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same_weights(first: Path, second: Path) -> bool:
    ours, theirs = weights(first), weights(second)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run that was not interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    Trainer(small(), folder).run()
    return folder


def test_a_run_leaves_logs_trees_and_a_model(finished: Path) -> None:
    assert len(entries(finished, "warm_start/single operations")) == 30
    assert len(entries(finished, "warm_start/delegation")) == 20
    assert [entry.step for entry in entries(finished, TRAIN)] == [1, 2, 3, 4]
    assert [entry.tick for entry in entries(finished, EVALUATION)] == EVALUATED
    assert [entry.step for entry in entries(finished, EVALUATION)] == [0, 2, 4, 4]
    assert list((finished / "tensorboard").glob("events*"))
    assert read_trees(finished / "trees.jsonl")
    assert (finished / "warm_start" / "config.json").exists()


def test_the_first_and_the_last_evaluation_can_be_thorough_and_sampled(tmp_path: Path) -> None:
    changes = ("evaluation.first=true", "evaluation.sampled=true", "training.steps=2", "sampling.temperature=2.0")
    Trainer(small(*changes), tmp_path).run()
    greedy, sampled = entries(tmp_path, EVALUATION), entries(tmp_path, SAMPLED)
    assert [entry.step for entry in greedy] == [0, 2, 2]
    assert [entry.step for entry in sampled] == [0, 2]
    assert sampled[0].metrics != greedy[0].metrics
    assert 0 <= sampled[0].metrics["evaluation/launch_2"] <= 1


def test_launches_are_counted_on_both_sides_of_what_can_be_delegated(finished: Path) -> None:
    for entry in entries(finished, TRAIN):
        assert 0 <= entry.metrics["launch/indivisible"] <= 1
    Trainer(small("curriculum.difficulties={3 = 1}"), finished.parent / "nested").run()
    eager = entries(finished.parent / "nested", TRAIN)[-1].metrics
    assert eager["launch/divisible"] >= eager["tree/delegation_rate"]


def test_every_metric_is_described(finished: Path) -> None:
    names = {name for entry in read_log(finished) for name in entry.metrics}
    assert {"success/root", "entropy", "entropy/depth_0", "ratio/mean", "share/learning", "agreement/max"} <= names
    assert [name for name in names if not describe(name)] == []


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    assert [name for name in DESCRIPTIONS if f"`{name}`" not in page] == []


def test_trainer_and_engine_agree(finished: Path) -> None:
    assert max(entry.metrics["agreement/max"] for entry in entries(finished, TRAIN)) < 1e-4


def test_shares_of_time_are_shares(finished: Path) -> None:
    for entry in entries(finished, TRAIN):
        assert 0 < sum(entry.metrics[f"share/{name}"] for name in ("generation", "environment", "learning")) <= 1


def test_the_result_plays(finished: Path) -> None:
    found = evaluate(
        f"hf:{finished / 'model'}",
        "rao/Arithmetic-v0",
        [1, 2],
        episodes=2,
        options={"kind": "modular", "max_turns": 3, "window": None},
        policy_options={"max_tokens": 24},
    )
    assert len(found.results) == 4
    assert not found.num_excluded


def test_the_policy_plays_as_the_trainer_evaluates(finished: Path) -> None:
    last, recipe = entries(finished, EVALUATION)[-1].metrics, small()
    found = evaluate(
        f"hf:{finished / 'model'}",
        "rao/Arithmetic-v0",
        [1, 2],
        episodes=3,
        options={**recipe.environment.options, "window": None, "max_depth": None},
        policy_options={"max_tokens": 24},
    )
    for summary in found.summaries:
        assert summary.success == pytest.approx(last[f"evaluation/success_{summary.difficulty}"])
        assert summary.nodes == pytest.approx(last[f"evaluation/nodes_{summary.difficulty}"])


def test_equal_recipes_give_equal_weights_and_seeds_matter(finished: Path, tmp_path: Path) -> None:
    Trainer(small(), tmp_path / "again").run()
    Trainer(small("seed=1"), tmp_path / "other").run()
    assert same_weights(finished, tmp_path / "again")
    assert not same_weights(finished, tmp_path / "other")


def test_a_finished_run_goes_no_further(finished: Path, tmp_path: Path) -> None:
    before = [entry for entry in read_log(finished) if entry.phase != EVALUATION]
    Trainer(small(), finished).run()
    assert [entry for entry in read_log(finished) if entry.phase != EVALUATION] == before
    assert [entry.tick for entry in entries(finished, EVALUATION)] == EVALUATED


def test_a_folder_of_another_recipe_is_refused(finished: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"training\.group_size=4, not 5"):
        Trainer(small("training.group_size=5"), finished).run()


def test_a_run_that_is_extended_ends_as_a_longer_one(finished: Path, tmp_path: Path) -> None:
    Trainer(small("training.steps=2"), tmp_path).run()
    Trainer(small("logging.trees=1"), tmp_path).run()
    assert same_weights(finished, tmp_path)
    assert [entry.tick for entry in entries(tmp_path, EVALUATION)] == EVALUATED
    with pytest.raises(InvalidValueError, match=r"has taken 4 training steps, more than training\.steps=3"):
        Trainer(small("training.steps=3"), tmp_path).run()


def test_other_weights_at_the_same_path_are_another_run(finished: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(finished / "warm_start", model)
    changes = ("warm_start.stages=[]", f"model.path={model}", "evaluation.final=false", "training.steps=1")
    Trainer(small(*changes), tmp_path / "run").run()
    shutil.copytree(finished / "model", model, dirs_exist_ok=True)
    with pytest.raises(InvalidValueError, match="began with another model: its content has changed"):
        Trainer(small(*changes), tmp_path / "run").run()


def test_a_trainer_and_an_engine_that_disagree_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"differ by .* where training\.max_disagreement=1e-12 is allowed"):
        Trainer(small("training.max_disagreement=1e-12"), tmp_path).run()


class Listening(SilentReporter):
    """Remembers the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_steps_that_learn_nothing_are_said_at_once_and_again_after_ten(tmp_path: Path) -> None:
    listening = Listening()
    mute = ("sampling.max_new_tokens=1", "credit.group_filter=equal_rewards", "evaluation.final=false")
    trainer = Trainer(small(*mute, "evaluation.every=0", "training.steps=12"), tmp_path, listening)
    trainer.run()
    first, tenth = listening.warnings
    assert first.startswith("This step did not change the weights: within every group all rewards are equal")
    assert tenth.startswith("10 steps in a row did not change the weights")
    assert (trainer.state.version, trainer.state.num_changing, trainer.state.num_idle) == (12, 0, 12)


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        (["credit.bonus=all"], True),
        (["credit.bonus=all", "credit.delegation_bonus=0"], False),
        (["credit.bonus=gated"], False),
        ([], False),
    ],
)
def test_a_bonus_that_can_be_farmed_is_named_once(tmp_path: Path, changes: list[str], warned: bool) -> None:
    listening = Listening()
    Trainer(small(*changes, "training.steps=2", "evaluation.final=false"), tmp_path, listening).run()
    named = [text for text in listening.warnings if text.startswith("credit.bonus=all invites farming")]
    assert len(named) == warned


_CHILD = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from rao_train.recipes.reading import load_recipe
from rao_train.run.trainer import Trainer
Trainer(load_recipe("arithmetic_tiny", sys.argv[2:]), Path(sys.argv[1])).run()
"""


def start(folder: Path, overrides: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _CHILD, str(folder), *overrides], stderr=subprocess.DEVNULL)


def kill_after(folder: Path, overrides: Sequence[str], num_lines: int) -> None:
    """Start a run and kill it once its log has so many lines."""
    process, log = start(folder, overrides), folder / "metrics.jsonl"
    while not (log.exists() and log.read_bytes().count(b"\n") >= num_lines):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("extra", "kills"),
    [
        pytest.param((), (WARM_START + 2,), id="fresh"),
        pytest.param(("training.staleness=2",), (20, WARM_START + 2), id="stale", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_ends_with_the_same_weights(
    extra: tuple[str, ...], kills: tuple[int, ...], finished: Path, tmp_path: Path
) -> None:
    overrides = [*SMALL, *extra]
    whole = finished
    if extra:
        whole = tmp_path / "whole"
        Trainer(small(*extra), whole).run()
    killed = tmp_path / "killed"
    for num_lines in kills:
        kill_after(killed, overrides, num_lines)
    assert start(killed, overrides).wait() == 0
    assert same_weights(whole, killed)
    assert [(entry.tick, entry.phase) for entry in read_log(killed)] == [
        (entry.tick, entry.phase) for entry in read_log(whole)
    ]
    losses = [[entry.metrics.get("loss") for entry in entries(folder, TRAIN)] for folder in (whole, killed)]
    assert losses[0] == losses[1]
    assert (killed / "trees.jsonl").read_bytes() == (whole / "trees.jsonl").read_bytes()


def test_stale_batches_are_as_old_as_asked(tmp_path: Path) -> None:
    Trainer(small("training.staleness=2", "training.steps=4", "evaluation.final=false"), tmp_path).run()
    assert [entry.metrics["policy/lag"] for entry in entries(tmp_path, TRAIN)] == [0, 1, 2, 2]


def test_later_minibatches_are_off_policy(tmp_path: Path) -> None:
    changes = ("learner.learning_rate=1e-2", "evaluation.final=false", "training.steps=1")
    Trainer(small(*changes, "training.minibatches_per_step=1"), tmp_path / "one").run()
    Trainer(small(*changes, "training.minibatches_per_step=3"), tmp_path / "three").run()
    one, three = (entries(tmp_path / name, TRAIN)[0].metrics for name in ("one", "three"))
    assert (one["steps/taken"], three["steps/taken"]) == (1, 3)
    assert one["ratio/max"] == pytest.approx(1, abs=1e-3)
    assert three["ratio/max"] > 1.001


def test_the_single_agent_is_a_setting(finished: Path, tmp_path: Path) -> None:
    alone = ("environment.recursive=false", "warm_start.stages=[]", f"model.path={finished / 'warm_start'}")
    trees = Trainer(small(*alone), tmp_path).run()
    assert {len(tree) for tree in trees} == {1}
    assert all(entry.metrics["tree/nodes"] == 1 for entry in entries(tmp_path, TRAIN))


def test_an_adaptive_curriculum_is_a_setting(tmp_path: Path) -> None:
    adaptive = ("curriculum.kind=adaptive", "curriculum.start=3", "curriculum.window=4", "evaluation.final=false")
    Trainer(small(*adaptive), tmp_path).run()
    difficulties = [entry.metrics["curriculum/difficulty"] for entry in entries(tmp_path, TRAIN)]
    successes = [entry.metrics["success/root"] for entry in entries(tmp_path, TRAIN)]
    for (before, after), success in zip(itertools.pairwise(difficulties), successes, strict=False):
        assert after == before + (success >= 0.8) - (success <= 0.6 and before > 1)


def test_time_can_be_limited(tmp_path: Path) -> None:
    Trainer(small("training.steps=50", "training.max_seconds=0.001", "evaluation.final=false"), tmp_path).run()
    assert len(entries(tmp_path, TRAIN)) == 1


def test_tokens_can_be_limited(tmp_path: Path) -> None:
    Trainer(small("training.steps=50", "training.max_tokens=300", "evaluation.final=false"), tmp_path).run()
    tokens = [entry.metrics["tokens/generated"] + entry.metrics["tokens/read"] for entry in entries(tmp_path, TRAIN)]
    assert sum(tokens[:-1]) < 300 <= sum(tokens)


def test_equal_rewards_are_a_documented_skip(tmp_path: Path) -> None:
    changes = ("credit.group_filter=equal_rewards", "evaluation.final=false")
    Trainer(small(*changes, "sampling.max_new_tokens=1", "credit.reward=root"), tmp_path).run()
    for entry in entries(tmp_path, TRAIN):
        assert entry.metrics["credit/groups_filtered"] == 1
        assert entry.metrics["steps/taken"] == 0
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("warm_start", "model"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_losses_that_are_not_finite_end_the_run_with_what_was_good(tmp_path: Path) -> None:
    broken = small("warm_start.stages.0.learning_rate=1e30", "training.checkpoint_every=1")
    with pytest.raises(InvalidValueError, match="not finite in 3 steps in a row"):
        Trainer(broken, tmp_path).run()
    skipped = [entry.metrics["steps/skipped"] for entry in read_log(tmp_path)]
    saved = list((tmp_path / "checkpoints").glob("step-*"))
    assert len(saved) == skipped.index(1)  # one for each good step, of the few that are kept
    assert not (tmp_path / "model").exists()


def test_a_step_without_trajectories_is_counted_as_skipped(tmp_path: Path) -> None:
    changes = ("credit.group_filter=equal_rewards", "evaluation.final=false", "training.steps=1")
    Trainer(small(*changes, "sampling.max_new_tokens=1", "credit.reward=root"), tmp_path).run()
    (entry,) = entries(tmp_path, TRAIN)
    assert (entry.metrics["credit/trajectories"], entry.metrics["steps/skipped"]) == (0, 1)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(small(), tmp_path)

    def full(*_: object, **__: object) -> None:
        if trainer.state.tick > 20:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device; the last good one is"):
        trainer.run()
    monkeypatch.undo()
    Trainer(small(), tmp_path).run()
    assert len(entries(tmp_path, TRAIN)) == 4


def test_model_folders_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no model folder"):
        load_folder(str(tmp_path / "missing"), "cpu")
    with pytest.raises(MissingFileError, match=r"no config\.json"):
        load_folder(str(tmp_path), "cpu")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileFormatError, match="cannot be loaded"):
        HuggingFacePolicy(str(tmp_path))


def test_devices_that_are_not_there_are_named() -> None:
    assert check_device("cpu").type == "cpu"
    for device in ("cuda:99", "tpu", "mps"):
        with pytest.raises(InvalidValueError, match="device"):
            check_device(device)


def test_wandb_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InvalidValueError, match="pip install wandb"):
        Trainer(small("logging.wandb=project"), tmp_path).run()
