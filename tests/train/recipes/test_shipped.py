"""The shipped recipes for models of one's own run, in small, with a model that is made here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rao_gym.cli import main
from rao_gym.errors import MissingFileError
from rao_gym.tree import StopReason
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.loading import model_folder
from rao_train.models.tiny import TinyModelSettings, build_model, build_tokenizer
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.reading import load_recipe, shipped_recipes, summary_of
from rao_train.run.logs import read_log
from rao_train.run.model import model_of
from rao_train.run.phases import TRAIN
from rao_train.run.trainer import Trainer
from rao_train.run.warm_start import demonstrate

SMALL = (
    "model.device=cpu",
    "model.dtype=auto",
    "environment.options.window=1500",
    "environment.options.max_turns=2",
    "sampling.max_new_tokens=16",
    "learner.bf16=false",
    "learner.lora={rank = 2, alpha = 4}",
    "credit.group_filter=none",
    "training.steps=1",
    "training.tasks_per_step=2",
    "training.group_size=2",
    "evaluation={difficulties = [1], tasks = 1}",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that reads 4,096 tokens."""
    path = tmp_path_factory.mktemp("model")
    tokenizer = build_tokenizer(["read the lines and finish with the answer"], 300)
    model = build_model(TinyModelSettings(layers=1, width=32, heads=2, hidden=32, positions=4096), tokenizer, 0)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.mark.parametrize("name", ["hugging_face", "long_context", "long_context_oolong", "code"])
def test_a_recipe_runs_with_a_model_of_ones_own(name: str, folder: Path, tmp_path: Path) -> None:
    Trainer(load_recipe(name, [*SMALL, f"model.path={folder}"]), tmp_path).run()
    (entry,) = [entry for entry in read_log(tmp_path) if entry.phase == TRAIN]
    assert entry.metrics["agreement/max"] < 1e-3
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_the_window_of_the_tiny_recipe_holds_one_page_and_not_two() -> None:
    recipe = load_recipe("long_context_tiny", ["warm_start.stages.0.demonstrations=20"])
    model, tokenizer = model_of(recipe)
    counter = ModelTokens(TurnTemplate(tokenizer, {}, declared_end_ids(model)))
    stage = replace(recipe.warm_start.stages[0], policies={"single": 1.0}, difficulties={1: 0.5, 2: 0.5})
    trees = demonstrate(recipe.environment.setup(), stage, (0,), counter=counter)
    by_difficulty = {tree.task.difficulty: tree.root.stop_reason for tree in trees}
    assert by_difficulty == {1: StopReason.FINISHED, 2: StopReason.OUT_OF_WINDOW}
    assert all(tree.root.signal == (tree.task.difficulty == 1) for tree in trees)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_says_in_a_line_what_it_is_for(name: str) -> None:
    assert 20 < len(summary_of(name)) < 180


def test_a_dry_run_checks_the_papers_setting(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    here = (f"model.path={folder}", "model.device=cpu", "model.dtype=auto", "learner.bf16=false")
    recipe = "long_context_oolong"
    assert main(["train", recipe, "--dry-run", *here, "sampling.max_new_tokens=16"]) == 0
    shown = capsys.readouterr().out
    assert "16 tasks x 8 trees" in shown
    assert "rao/LongContext-v0, recursive" in shown
    assert not list(tmp_path.iterdir())
    assert main(["train", recipe, "--dry-run", *here, "environment.options.scoring=olong"]) == 2
    assert "Did you mean 'oolong'" in capsys.readouterr().err


FETCH = """
import sys
from rao_train.models.loading import load_folder
model, tokenizer = load_folder("somebody/small-model", "cpu")
print(model.config.hidden_size)
"""


def test_a_model_of_the_hub_is_found_in_the_cache(folder: Path, tmp_path: Path) -> None:
    cached = tmp_path / "models--somebody--small-model"
    shutil.copytree(folder, cached / "snapshots" / "a1b2c3")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("a1b2c3")
    done = subprocess.run(
        [sys.executable, "-c", FETCH],
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "32\n", done.stderr


def test_a_model_that_nobody_has_is_named() -> None:
    with pytest.raises(MissingFileError, match="There is no model folder 'nobody/nothing', and the Hugging Face hub"):
        model_folder("nobody/nothing")
