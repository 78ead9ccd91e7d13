"""The published benchmark: a small folder in its format, and the package itself where it is installed."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from crafting import BOOK, needs_published_tasks

from rao_gym import make_setup
from rao_gym.errors import FileFormatError, InvalidValueError, MissingExtraError, MissingFileError, RaoError
from rao_gym.evaluation.rollouts import TaskKey, run_rollouts
from rao_gym.tasks.textcraft import TextCraftSynth
from rao_gym.tasks.textcraft.orders import Order, write_goal
from rao_gym.tasks.textcraft.published import FILES, LEVELS, Published, package_book
from rao_gym.testing import check_isolation, check_solvability, check_subgoals

ID = "rao/TextCraftSynth-v0"
TASKS = (("plank", "easy"), ("stick", "easy"), ("table", "easy"), ("sign", "medium"), ("loft", "hard"))


def line_of(number: int, item: str, level: str, count: int) -> str:
    """Return a task as a line of the package's format."""
    gold = [
        {
            "action": "craft",
            "target": [recipe.item, batches],
            "ingredients": {name: batches * amount for name, amount in recipe.ingredients},
            "result_count": batches * recipe.makes,
        }
        for recipe, batches in BOOK.crafts({item: count})
    ]
    about: dict[str, Any] = {
        "target_items": {item: count},
        "initial_inventory": {"log": 30, "nail": 10},
        "gold_trajectory": gold,
    }
    return json.dumps(
        {"id": f"small.{number}", "goal": write_goal({item: count}), "misc": about | {"difficulty": level}}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a small folder of the package's format, with recipes of its own."""
    for split, count in (("train", 1), ("validation", 2)):
        lines = [line_of(number, *task, count) for number, task in enumerate(TASKS)]
        (tmp_path / FILES[split]).write_text("\n".join(lines) + "\n")
    (tmp_path / "recipes").mkdir()
    for recipe in BOOK.recipes.values():
        ingredients = [{"item": f"synth:{name}"} for name, amount in recipe.ingredients for _ in range(amount)]
        entry = {"ingredients": ingredients, "result": {"item": f"synth:{recipe.item}", "count": recipe.makes}}
        (tmp_path / "recipes" / f"{recipe.item}.json").write_text(json.dumps(entry))
    (tmp_path / "recipes" / "_metadata.json").write_text("{}")
    sums = [f"{sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}" for name in FILES.values()]
    (tmp_path / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    return tmp_path


def replay(family: TextCraftSynth, split: str) -> Counter[float]:
    """Replay every gold trajectory of a split, and count the signals that the crafts earn."""
    tasks = {task.id: task for level in range(1, 5) for task in family.published.tasks(split, level)}
    signals: Counter[float] = Counter()
    for id, crafts in family.published.gold(split):
        published = tasks.pop(id)
        order = Order(targets=published.targets, stock=published.stock)
        task = replace(family.sample(0, split, 0, 1), context=order)
        root = replace(task.root, world=family.open_world(task))
        for craft in crafts:
            assert root.world.craft(root, dict(craft.used), craft.item, craft.count) == craft
        signals[family.verify(task, root, "done")] += 1
    assert not tasks
    return signals


def test_a_folder_of_the_format_is_played(folder: Path) -> None:
    check_solvability(ID, num_tasks=3, data=str(folder))
    check_isolation(ID, data=str(folder))
    with pytest.raises(RaoError, match="launched nobody"):  # the reference makes items of a low level alone
        check_subgoals(ID, data=str(folder))


def test_every_gold_trajectory_of_a_folder_replays(folder: Path) -> None:
    family = TextCraftSynth(folder)
    assert {split: replay(family, split) for split in FILES} == {split: Counter({1.0: len(TASKS)}) for split in FILES}


def test_each_seed_goes_round_the_tasks_of_a_level_in_its_own_order(folder: Path) -> None:
    family = TextCraftSynth(folder)
    orders = [
        tuple(str(family.sample(seed, "train", index, 1).record.parameters["published"]) for index in range(6))
        for seed in range(9)
    ]
    assert all(sorted(order[:3]) == ["small.0", "small.1", "small.2"] and order[:3] == order[3:] for order in orders)
    assert len(set(orders)) > 1
    assert family.sample(3, "train", 0, 2).record.parameters == {"published": "small.3", "level": "medium", "crafts": 3}
    assert family.sample(0, "validation", 0, 3).context.targets == {"loft": 2}


def test_other_splits_and_difficulties_are_refused(folder: Path) -> None:
    family = TextCraftSynth(folder)
    with pytest.raises(ValueError, match=r"Unknown split 'test'\. .*Valid: train, validation"):
        family.sample(0, "test", 0, 1)
    with pytest.raises(InvalidValueError, match=r"difficulty must be at most 4 \(extreme\), got 5"):
        family.sample(0, "train", 0, 5)
    with pytest.raises(InvalidValueError, match="has no extreme tasks in split 'train'"):
        family.sample(0, "train", 0, 4)


def write(name: str, text: str) -> Callable[[Path], None]:
    """Return what writes a file of the folder, and leaves out the checksums."""

    def spoil(folder: Path) -> None:
        (folder / "SHA256SUMS").unlink()
        (folder / name).write_text(text)

    return spoil


TRAIN = FILES["train"]
GOOD = line_of(0, "plank", "easy", 1)
DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a missing file": (lambda folder: (folder / TRAIN).unlink(), "cannot be read: No such file or directory"),
    "an edited file": (lambda folder: (folder / TRAIN).write_text(GOOD), "its checksum is not that in SHA256SUMS"),
    "no text": (lambda folder: (folder / TRAIN).write_bytes(b"\xff\xfe"), "is damaged: 'utf-8' codec can't decode"),
    "no JSON": (
        write(TRAIN, f"{GOOD}\n{GOOD[:99]}"),
        "line 2 is damaged: (Unterminated|Expecting)",
    ),
    "no object": (write(TRAIN, "[1]"), "line 1 is damaged: list indices must be integers"),
    "no goal": (write(TRAIN, GOOD.replace('"goal"', '"gaol"')), "line 1 is damaged: 'goal' is missing"),
    "no level": (write(TRAIN, GOOD.replace("easy", "mild")), "line 1 is damaged: tuple.index"),
    "no amount": (write(TRAIN, GOOD.replace('"log": 30', '"log": -3')), "line 1 is damaged: -3 is no amount of log"),
    "another world": (write(TRAIN, GOOD.replace("plank", "plnk")), "no recipe makes the targets of small.0"),
    "a broken recipe": (write("recipes/plank.json", "{}"), "plank.json is damaged: 'ingredients'"),
    "a circle": (
        write("recipes/a.json", '{"ingredients": [{"item": "a"}], "result": {"item": "a", "count": 1}}'),
        "recipes is damaged: a is an ingredient of itself",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_data_is_one_clear_line(damage: str, folder: Path) -> None:
    spoil, message = DAMAGES[damage]
    spoil(folder)
    with pytest.raises((FileFormatError, MissingFileError), match=message) as caught:
        TextCraftSynth(folder).sample(0, "train", 0, 1)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="nowhere is not a folder with the published tasks"):
        TextCraftSynth(tmp_path / "nowhere")


def test_a_missing_package_is_one_line_that_says_how_to_get_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "platoon_textcraft", None)
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps --ignore-requires-python platoon-textcraft$"):
        TextCraftSynth()
    assert TextCraftSynth(folder).sample(0, "train", 0, 1).context.stock == {"log": 30, "nail": 10}


@needs_published_tasks
def test_the_package_has_the_published_tasks() -> None:
    published = Published()
    sizes = {split: [len(published.tasks(split, level + 1)) for level in range(len(LEVELS))] for split in FILES}
    assert sizes == {"train": [588, 852, 544, 538], "validation": [147, 213, 136, 136]}
    assert len(published.book.recipes) == 1402


@needs_published_tasks
def test_building_the_published_world_leaves_pythons_random_numbers_alone() -> None:
    random.seed(7)
    before = random.getstate()
    package_book.cache_clear()
    assert len(Published().book.recipes) == 1402
    assert random.getstate() == before


@needs_published_tasks
@pytest.mark.parametrize("split", ["validation", pytest.param("train", marks=pytest.mark.slow)])
def test_every_published_gold_trajectory_replays(split: str) -> None:
    assert set(replay(TextCraftSynth(), split)) == {1.0}


@needs_published_tasks
@pytest.mark.parametrize("difficulty", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_the_reference_solves_published_tasks_in_the_papers_limits(difficulty: int) -> None:
    setup = make_setup(ID, actions="tools")
    assert (setup.limits.max_turns, setup.limits.max_depth, setup.limits.window) == (25, 6, 8_192)
    keys = [TaskKey(seed=0, split="validation", index=index, difficulty=difficulty) for index in range(2)]
    trees = [rollout.tree for rollout in run_rollouts(setup.family.reference_policy(), setup, keys)]
    assert all(node.signal == 1.0 for tree in trees if tree is not None for node in tree.nodes)
