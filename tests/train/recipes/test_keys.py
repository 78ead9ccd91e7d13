"""The page of recipe keys: complete, described, and as the dataclasses have it."""

from __future__ import annotations

from pathlib import Path

from rao_train.recipes.keys import as_markdown, recipe_keys

PAGE = Path(__file__).parents[3] / "docs" / "recipe_keys.md"


def test_the_page_is_made_from_the_dataclasses() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_markdown(recipe_keys())


def test_every_key_is_described() -> None:
    keys = {key.name: key for key in recipe_keys()}
    assert {"seed", "learner.loss.max_ratio", "warm_start.stages.N.policies", "learner.lora.rank"} <= set(keys)
    assert [name for name, key in keys.items() if not key.description.endswith(".")] == []
    assert (keys["training.group_size"].kind, keys["training.group_size"].default) == ("integer", "`8`")
    assert (keys["warm_start.stages.N.steps"].default, keys["credit.reward"].kind) == ("", "`node` or `root`")
