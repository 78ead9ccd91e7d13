"""Recipe books: levels, and what it takes to craft."""

from __future__ import annotations

from collections import Counter

import pytest
from crafting import BOOK
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.tasks.base import rng
from rao_gym.tasks.textcraft.generation import Shape, generate
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook


def test_levels_count_recipes_down_to_raw_materials() -> None:
    levels = {item: BOOK.level(item) for item in ("log", "nail", "plank", "stick", "table", "ladder", "loft", "tree")}
    assert levels == {"log": 0, "nail": 0, "plank": 1, "stick": 2, "table": 2, "ladder": 3, "loft": 4, "tree": 0}


def test_requirements_round_up_to_whole_batches() -> None:
    required = {"loft": 1, "ladder": 2, "stick": 7, "table": 1, "plank": 8, "nail": 5, "log": 2}
    assert BOOK.requirements({"loft": 1}) == required
    assert [(recipe.item, batches) for recipe, batches in BOOK.crafts({"loft": 1})] == [
        ("plank", 2), ("stick", 2), ("table", 1), ("ladder", 1), ("loft", 1),
    ]  # fmt: skip
    assert BOOK.ingredients({"loft": 2, "table": 1}) == {"ladder": 4, "table": 2, "nail": 10, "plank": 4}


def test_separate_plans_round_up_each_time() -> None:
    assert BOOK.raw_materials({"sign": 1}) == {"log": 3}  # 6 planks take 2 logs, and 2 more for the stick another one
    assert BOOK.requirements({"sign": 1})["log"] == 2


@pytest.mark.parametrize(
    ("recipes", "reason"),
    [
        ([Recipe("a", 1, (("b", 1),)), Recipe("a", 2, (("b", 1),))], "two recipes make a"),
        ([Recipe("a", 1, (("a", 1),))], "a is an ingredient of itself"),
        ([Recipe("a", 1, (("c", 1), ("b", 1))), Recipe("b", 1, (("a", 1),))], "[ab] is an ingredient of itself"),
    ],
)
def test_impossible_books_are_refused(recipes: list[Recipe], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        RecipeBook(recipes)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from(["opaque", "meaningful"]))
def test_plans_can_be_carried_out_and_are_no_larger_than_separate_ones(index: int, levels: int, naming: str) -> None:
    shape = Shape(levels=levels, num_targets=2, max_ingredients=3, naming=naming, slack=0.0, num_distractors=4)
    made = generate(shape, "train", rng(0, "train", index, 1))
    book = RecipeBook(made.book.recipes.values())
    assert {item: book.level(item) for item in made.stock} == {item: made.book.level(item) for item in made.stock}
    assert all(book.level(item) == made.book.level(item) for item in book.recipes)
    stock = Counter(made.stock)
    for recipe, batches in made.book.crafts(made.targets):
        stock.subtract({item: batches * amount for item, amount in recipe.ingredients})
        stock[recipe.item] += batches * recipe.makes
        assert min(stock.values()) >= 0
    assert all(stock[item] >= count for item, count in made.targets.items())
    required, apart = made.book.requirements(made.targets), made.book.raw_materials(made.targets)
    assert all(required[item] <= count for item, count in apart.items())
    assert set(apart) == {item for item in required if item not in made.book.recipes}
