"""The folder of a run: whose it is, who may go on in it, and with what changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.folder import IDENTITY, RECIPE, RunFolder, read_recipe

IDENTITIES: Mapping[str, Mapping[str, str]] = {"content": {"model": "a"}, "versions": {"torch": "1"}}


def recipe(*overrides: str) -> Recipe:
    return load_recipe("arithmetic_tiny", overrides)


def folder(
    path: Path, *overrides: str, identity: Mapping[str, Mapping[str, str]] = IDENTITIES, saved: bool = False
) -> RunFolder:
    """Return a run's folder, in which the run has begun and perhaps saved a checkpoint."""
    one = RunFolder(path, recipe(*overrides), identity)
    if saved:
        one.claim()
        (one.checkpoints / "step-00000001").mkdir(parents=True)
    return one


def test_a_folder_is_claimed_with_the_first_step_and_not_before(tmp_path: Path) -> None:
    one = folder(tmp_path / "run")
    assert one.check() == []
    assert not (tmp_path / "run").exists()
    one.claim()
    assert read_recipe(tmp_path / "run") == recipe()


def test_a_run_that_saved_nothing_leaves_its_folder_to_others(tmp_path: Path) -> None:
    folder(tmp_path).claim()
    other = folder(tmp_path, "seed=5")
    assert other.check() == []
    other.claim()
    assert read_recipe(tmp_path).seed == 5


@pytest.mark.parametrize(
    "override", ["credit.delegation_bonus=0", "seed=3", "training.group_size=4", "curriculum.difficulties={1 = 1}"]
)
def test_a_run_with_checkpoints_refuses_another_recipe(tmp_path: Path, override: str) -> None:
    folder(tmp_path, saved=True)
    with pytest.raises(InvalidValueError, match="Name another folder with --out") as caught:
        folder(tmp_path, override).check()
    assert override.partition("=")[0] in str(caught.value)


@pytest.mark.parametrize(
    "override",
    ["training.steps=500", "logging.trees_every=1", "logging.wandb=x", "evaluation.tasks=7", "name=other",
     "training.checkpoint_every=3", "training.max_seconds=9"],
)  # fmt: skip
def test_keys_on_which_no_step_depends_may_change(tmp_path: Path, override: str) -> None:
    folder(tmp_path, saved=True)
    changed = folder(tmp_path, override)
    assert changed.check() == []
    changed.claim()
    assert read_recipe(tmp_path) == recipe(override)


def test_other_contents_under_the_same_name_are_another_run(tmp_path: Path) -> None:
    folder(tmp_path, saved=True)
    with pytest.raises(InvalidValueError, match="began with another model: its content has changed"):
        folder(tmp_path, identity={"content": {"model": "b"}, "versions": {"torch": "1"}}).check()


def test_other_versions_are_said_and_do_not_stop_a_run(tmp_path: Path) -> None:
    folder(tmp_path, saved=True)
    changes = folder(tmp_path, identity={"content": {"model": "a"}, "versions": {"torch": "2"}}).check()
    assert changes == ["torch was 1 when the run began and is 2 now: it no longer repeats exactly."]


@pytest.mark.parametrize("name", [RECIPE, IDENTITY])
@pytest.mark.parametrize("text", ["", "{", "[1]", "NaN", '{"seed": NaN}', "[" * 100_000])
def test_damaged_files_are_one_line(tmp_path: Path, name: str, text: str) -> None:
    folder(tmp_path, saved=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(FileFormatError, match=name) as caught:
        folder(tmp_path).check()
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"There is no run in .*: it has no recipe\.json"):
        read_recipe(tmp_path)
