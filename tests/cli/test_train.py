"""``rao train``: what it leaves behind, and what a person gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tiny import Plan, make_rollout

from rao_gym.evaluation import read_trees
from rao_train.recipes.reading import load_recipe, shipped_recipes
from rao_train.run.logs import TREE_TICKS, TREES, LogEntry, RunLog, read_log

Rao = Callable[..., Any]

SMALL = (
    "model.tiny={layers = 1, width = 32, heads = 2, hidden = 32}",
    "environment.options.modulus=5",
    "warm_start.stages=[{name = 'one', steps = 30, learning_rate = 1e-2, demonstrations = 40}]",
    "curriculum.difficulties={1 = 1}",
    "training.steps=2",
    "training.tasks_per_step=2",
    "training.group_size=2",
    "credit.group_filter=none",
    "evaluation={difficulties = [1], tasks = 2, every = 1}",
    "logging.trees_every=1",
)

CASES = {
    "recipe": (("arithmetic_tny",), "Unknown recipe 'arithmetic_tny'. Did you mean 'arithmetic_tiny'?"),
    "file": (("no/such.toml",), "Cannot read the recipe 'no/such.toml'"),
    "key": (("arithmetic_tiny", "training.stepz=3"), "Did you mean 'training.steps'?"),
    "value": (("arithmetic_tiny", "learner.learning_rate=-1"), "learning_rate must be above 0, got -1"),
    "type": (("arithmetic_tiny", "training.steps=many"), "training.steps must be an integer, got 'many'"),
    "override": (("arithmetic_tiny", "training.steps"), "written section.key=value, got 'training.steps'"),
    "group of one": (("arithmetic_tiny", "training.group_size=1"), "must be at least 2 with the leave-one-out"),
    "model": (("arithmetic_tiny", "model.path=no/such"), "no model folder"),
    "device": (("arithmetic_tiny", "model.device=cuda:99"), "cuda:99"),
    "environment": (("arithmetic_tiny", "environment.id=rao/Arithmetics-v0"), "Did you mean 'rao/Arithmetic-v0'?"),
    "flag": (("arithmetic_tiny", "--ot", "x"), "Unknown option of rao train '--ot'. Did you mean '--out'?"),
    "threads": (("arithmetic_tiny", "--threads", "-1"), "--threads must be at least 0, got -1"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES)
def test_one_clear_line(rao: Rao, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = rao("train", *arguments)
    assert done.exit_code == 2
    assert done.err.startswith("rao: ")
    assert done.err.count("\n") == 1
    assert message in done.err
    assert not (tmp_path / "runs").exists()


def test_a_run_ends_in_a_model_that_the_printed_command_plays(rao: Rao, tmp_path: Path) -> None:
    done = rao("train", "arithmetic_tiny", *SMALL)
    assert (done.exit_code, done.err) == (0, "")
    command = next(line for line in done.out.splitlines() if line.startswith("  rao eval"))
    assert str(Path("runs") / "arithmetic_tiny" / "model") in command
    played = rao(*command.split()[1:], "--episodes", "2", "--difficulty", "1")
    assert (played.exit_code, played.err.count("Error")) == (0, 0)
    seen = rao("view", "runs/arithmetic_tiny")
    assert (seen.exit_code, seen.err) == (0, "")
    assert (tmp_path / "runs" / "arithmetic_tiny" / "trees.html").exists()


@pytest.mark.parametrize("damaged", ["", "[1, 2", "{}", "[null]", "3"])
def test_a_run_goes_on_when_the_ticks_of_its_trees_are_damaged(damaged: str, tmp_path: Path) -> None:
    tree = make_rollout(Plan("right")).tree
    with RunLog(tmp_path, 0) as log:
        log.write(LogEntry(tick=1, phase="train", step=1, metrics={"loss": 0.5}))
        log.write_trees(1, [tree])
    (tmp_path / TREE_TICKS).write_text(damaged)
    with RunLog(tmp_path, 1) as log:
        assert not (tmp_path / TREES).read_text()  # nobody knows when they grew
        log.write_trees(2, [tree])
    assert [entry.tick for entry in read_log(tmp_path)] == [1]
    assert (tmp_path / TREE_TICKS).read_text() == "[2]"
    assert len(read_trees(tmp_path)) == 1
    assert not list(tmp_path.glob(".*"))


def test_what_was_logged_after_a_checkpoint_is_dropped(tmp_path: Path) -> None:
    tree = make_rollout(Plan("right")).tree
    tree.root.messages.append({"role": "assistant", "content": "one line\u2028for JSON"})
    with RunLog(tmp_path, 0) as log:
        for tick in (1, 2, 3):
            log.write(LogEntry(tick=tick, phase="train", step=tick, metrics={}))
            log.write_trees(tick, [tree])
    with RunLog(tmp_path, 2):
        pass
    assert [entry.tick for entry in read_log(tmp_path)] == [1, 2]
    assert len(read_trees(tmp_path)) == 2


def test_overrides_may_follow_options_and_another_recipe_is_refused(rao: Rao) -> None:
    first = rao("train", "arithmetic_tiny", "--out", "here", *SMALL)
    assert first.exit_code == 0
    other = rao("train", "arithmetic_tiny", *SMALL, "--out", "here", "training.group_size=3")
    assert other.exit_code == 2
    assert "training.group_size=2, not 3" in other.err


def test_recipes_are_listed_and_shown(rao: Rao, tmp_path: Path) -> None:
    listed = rao("train", "--list")
    assert listed.exit_code == 0
    assert all(f"{name}\n    " in listed.out for name in shipped_recipes())
    shown = rao("train", "--show", "arithmetic_tiny")
    (tmp_path / "mine.toml").write_text(shown.out)
    assert load_recipe(str(tmp_path / "mine.toml")) == load_recipe("arithmetic_tiny")
    assert "Did you mean 'arithmetic_tiny'?" in rao("train", "--show", "arithmetic_tny").err


def test_a_dry_run_writes_nothing(rao: Rao, tmp_path: Path) -> None:
    done = rao("train", "arithmetic_tiny", *SMALL, "--dry-run")
    assert (done.exit_code, done.err) == (0, "")
    assert "warm_start/one: 30 steps, train: 2 steps" in done.out
    assert "2 tasks x 2 trees" in done.out
    narrow = rao("train", "arithmetic_tiny", *SMALL, "--dry-run", "environment.options.window=1")
    assert (narrow.exit_code, "cannot hold the opening messages" in narrow.err) == (2, True)
    assert not list(tmp_path.iterdir())
    bad = rao("train", "arithmetic_tiny", *SMALL, "--dry-run", "warm_start.stages.0.policies={referense = 1.0}")
    assert (bad.exit_code, "Did you mean 'reference'" in bad.err) == (2, True)


def test_a_run_goes_on_and_is_extended_by_its_folder_alone(rao: Rao) -> None:
    assert rao("train", "arithmetic_tiny", *SMALL, "--out", "here").exit_code == 0
    assert rao("train", "--out", "here", "training.steps=4").exit_code == 0
    assert [entry.step for entry in read_log(Path("here")) if entry.phase == "train"] == [1, 2, 3, 4]
    assert {entry.token_counter for entry in read_log(Path("here"))} == {"model"}
    missing = rao("train", "--out", "nowhere")
    assert (missing.exit_code, "There is no run in 'nowhere'" in missing.err) == (2, True)
    assert "Name a recipe" in rao("train").err


def test_a_run_that_learned_nothing_says_so_in_its_exit_code(rao: Rao) -> None:
    done = rao("train", "arithmetic_tiny", *SMALL, "credit.group_filter=equal_rewards", "sampling.max_new_tokens=1")
    assert done.exit_code == 1
    assert "warning: This step did not change the weights" in done.out
    assert "2 of 2 training steps did not change the weights" in done.out
    assert done.out.endswith("No training step changed the weights: the model is the one that training began with.\n")


def test_a_recipe_for_ones_own_model_asks_for_it(rao: Rao) -> None:
    done = rao("train", "hugging_face", "model.device=cpu")
    assert (done.exit_code, done.err.count("\n")) == (2, 1)
    assert "set model.path to its folder, or to its name on the Hugging Face hub" in done.err
    absent = rao("train", "hugging_face", "model.device=cpu", "model.path=no-such-organization/no-such-model")
    assert (absent.exit_code, absent.err.count("\n")) == (2, 1)
    assert "the Hugging Face hub does not give it" in absent.err


def test_adapters_are_trained_and_merged(rao: Rao) -> None:
    assert rao("train", "arithmetic_tiny", *SMALL, "training.steps=0", "--out", "whole").exit_code == 0
    overrides = ("model.path=whole/model", "learner.lora={rank = 2, alpha = 4}", "learner.learning_rate=1e-2")
    assert rao("train", "arithmetic_tiny", *SMALL, *overrides, "--out", "adapted").exit_code == 0
    before, after = (load_file(f"{name}/model/model.safetensors") for name in ("whole", "adapted"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed
    assert all("proj" in name for name in changed)
