"""Recipes: the shipped ones load, and every mistake is answered with one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError, RaoError, UnknownNameError
from rao_train.credit import RewardScope
from rao_train.recipes.reading import load_recipe, recipe_from_dict, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_and_its_environment_exists(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.environment.setup().family.id == recipe.environment.id
    assert recipe_from_dict(recipe.to_dict()) == recipe


def test_there_are_recipes() -> None:
    assert {"arithmetic_tiny", "arithmetic_30m"} <= set(shipped_recipes())


def test_overrides_replace_values_of_every_type() -> None:
    recipe = load_recipe(
        "arithmetic_tiny",
        [
            "learner.learning_rate=3e-4",
            "training.steps=7",
            "environment.recursive=false",
            "credit.reward=root",
            "evaluation.difficulties=[1, 9]",
            "curriculum.difficulties={5 = 1}",
            "warm_start.stages.0.steps=3",
            "environment.options.max_turns=4",
            "model.path=some/folder",
        ],
    )
    assert recipe.learner.learning_rate == 3e-4
    assert recipe.training.steps == 7
    assert not recipe.environment.recursive
    assert recipe.credit.reward is RewardScope.ROOT
    assert recipe.evaluation.difficulties == (1, 9)
    assert recipe.curriculum.difficulties == {5: 1.0}
    assert recipe.warm_start.stages[0].steps == 3
    assert recipe.environment.setup().limits.max_turns == 4
    assert recipe.model.path == "some/folder"


def test_none_is_written_as_text() -> None:
    options = load_recipe("arithmetic_tiny", ["environment.options.window=none"]).environment.setup()
    assert options.limits.window is None
    changes = ["learner.lora={rank = 2}", "learner.max_gradient_norm=none", "learner.lora=none"]
    recipe = load_recipe("arithmetic_tiny", changes)
    assert (recipe.learner.max_gradient_norm, recipe.learner.lora) == (None, None)
    assert recipe_from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("override", "kind", "expected"),
    [
        ("trainin.steps=3", UnknownNameError, "Did you mean 'training'"),
        ("training.stps=3", UnknownNameError, "Did you mean 'training.steps'"),
        ("credit.reward=rot", UnknownNameError, "Did you mean 'root'"),
        ("training.group_size=1", InvalidValueError, "group_size must be at least 2"),
        ("training.steps=x", InvalidValueError, "training.steps must be an integer, got 'x'"),
        ("training.steps=-1", InvalidValueError, "training: steps must be at least 0, got -1"),
        ("learner.learning_rate=0", InvalidValueError, "learner: learning_rate must be above 0"),
        ("sampling.temperature=-1", InvalidValueError, "temperature must be at least 0 and finite, got -1.0"),
        ("sampling.temperature=0", InvalidValueError, "temperature must be above 0 while learning"),
        ("evaluation.temperature=-1", InvalidValueError, "evaluation: temperature must be at least 0 and finite"),
        ("evaluation.temperature=inf", InvalidValueError, "temperature must be at least 0 and finite, got inf"),
        ("evaluation.temperature=nan", InvalidValueError, "temperature must be at least 0 and finite, got nan"),
        ("evaluation.split=tset", UnknownNameError, "Unknown evaluation.split 'tset'. Did you mean 'test'"),
        ("evaluation.split=none", UnknownNameError, "Unknown evaluation.split 'none'"),
        ("warm_start.stages.0.warmup_steps=-1", InvalidValueError, "warmup_steps must be at least 0, got -1"),
        ("warm_start.stages.0.learning_rate=inf", InvalidValueError, "learning_rate must be above 0"),
        ("warm_start.stages.0.policies={reference = nan}", InvalidValueError, "policies needs shares"),
        ("warm_start.stages.0.policies={reference = inf}", InvalidValueError, "policies needs shares"),
        ("warm_start.stages.0.policies={reference = -1}", InvalidValueError, "policies needs shares"),
        ("warm_start.stages.0.policies={}", InvalidValueError, "policies needs shares"),
        ("learner.learning_rate=inf", InvalidValueError, "learning_rate must be above 0"),
        ("seed=9223372036854775808", InvalidValueError, "seed must be below 2**63, got 9223372036854775808"),
        ("model.tiny.rope_theta=0", InvalidValueError, "model.tiny: rope_theta must be above 0 and finite, got 0.0"),
        ("environment.options.recursive=false", InvalidValueError, "Set environment.recursive instead"),
        ("environment.options.difficulty=3", InvalidValueError, "Set curriculum.difficulties instead"),
        ("environment.options.delegation_bonus=1", InvalidValueError, "Set credit.delegation_bonus instead"),
        ("training.steps=none", InvalidValueError, "training.steps must be an integer, got 'none'"),
        ("curriculum.difficulties.x=1", InvalidValueError, "keys of curriculum.difficulties must be integers"),
        ("environment.recursive=1", InvalidValueError, "must be true or false, got 1"),
        ("evaluation.difficulties=3", InvalidValueError, "must be a list, got 3"),
        ("model=3", InvalidValueError, "model must be a table, got 3"),
        ("warm_start.stages.9.steps=3", InvalidValueError, "warm_start.stages.9.steps"),
        ("warm_start.stages.x.steps=3", InvalidValueError, "warm_start.stages.x.steps"),
        ("name.x=3", InvalidValueError, "'name' holds"),
        ("training.steps", InvalidValueError, "written section.key=value"),
        ("warm_start.stages=[{name = 'a'}]", InvalidValueError, "warm_start.stages.0.steps is missing"),
    ],
)
def test_mistakes_are_named_in_one_line(override: str, kind: type[RaoError], expected: str) -> None:
    with pytest.raises(kind) as caught:
        load_recipe("arithmetic_tiny", [override])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_group_size_one_is_fine_without_the_baseline() -> None:
    recipe = load_recipe("arithmetic_tiny", ["training.group_size=1", "credit.baseline=none"])
    assert recipe.training.group_size == 1


def test_unknown_recipes_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'arithmetic_tiny'"):
        load_recipe("arithmetic_tyni")
    with pytest.raises(MissingFileError, match=r"missing\.toml"):
        load_recipe(str(tmp_path / "missing.toml"))
    (tmp_path / "broken.toml").write_text("steps = = 3")
    with pytest.raises(FileFormatError, match="not TOML"):
        load_recipe(str(tmp_path / "broken.toml"))


def test_a_recipe_of_ones_own_is_called_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("seed = 4\n[training]\nsteps = 2\n")
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.name, recipe.seed, recipe.training.steps) == ("mine", 4, 2)


def test_the_precision_of_frozen_weights_needs_frozen_weights() -> None:
    with pytest.raises(InvalidValueError, match=r"model\.dtype=bfloat16 is for weights that are not trained"):
        load_recipe("arithmetic_tiny", ["model.dtype=bfloat16"])
    with pytest.raises(UnknownNameError, match="Unknown dtype 'bf16'"):
        load_recipe("arithmetic_tiny", ["model.dtype=bf16"])


def test_template_arguments_are_a_table() -> None:
    recipe = load_recipe("arithmetic_tiny", ["model.template_arguments.enable_thinking=false"])
    assert recipe.model.template_arguments == {"enable_thinking": False}
