"""Tasks, tools, launches and bad input of the generated family."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from crafting import BOOK, Scene
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym import Runtime, make_setup
from rao_gym.actions import write_call, write_cell
from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.runtime import turn_of
from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.textcraft import TextCraft
from rao_gym.tasks.textcraft.generation import MAX_LEVELS
from rao_gym.tasks.textcraft.orders import read_goal, write_goal
from rao_gym.testing.fingerprint import fingerprint

HASHES = (
    "from rao_gym.tasks.textcraft import TextCraft\n"
    "print([TextCraft(names=names).sample(3, 'test', 5, level).content_hash"
    " for names in ('opaque', 'meaningful') for level in (1, 4, 9)])"
)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**31),
    split=st.sampled_from(SPLITS),
    index=st.integers(0, 10**6),
    difficulty=st.integers(1, 12),
)
def test_targets_have_the_level_of_the_difficulty_and_the_stock_has_no_product(
    seed: int, split: str, index: int, difficulty: int
) -> None:
    task = TextCraft().sample(seed, split, index, difficulty)
    book, stock = task.context.book, task.context.stock
    assert book is not None
    assert [book.level(item) for item in task.context.targets] == [difficulty]
    assert read_goal(task.goal) == task.context.targets == task.record.answer
    assert not set(stock) & set(book.requirements(task.context.targets)) & set(book.recipes)
    assert task.record.parameters["crafts"] == len(book.crafts(task.context.targets))


def test_tasks_are_the_same_under_any_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", HASHES],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("names", ["opaque", "meaningful"])
def test_targets_of_different_splits_have_different_names(names: str) -> None:
    family = TextCraft(names=names, targets=4)
    names_of = {
        split: {item for index in range(100) for item in family.sample(1, split, index, 3).context.targets}
        for split in SPLITS
    }
    assert not names_of["train"] & (names_of["validation"] | names_of["test"])
    assert not names_of["validation"] & names_of["test"]


def test_slack_is_what_is_left_over() -> None:
    for slack in (0.0, 0.5, 2.0):
        task = TextCraft(slack=slack, distractors=0).sample(0, "train", 0, 4)
        assert task.context.book is not None
        needed = task.context.book.raw_materials(task.context.targets)
        assert all(
            count * slack <= task.context.stock[item] - count < count * slack + 1 for item, count in needed.items()
        )


def test_distractors_are_in_stock_and_of_no_use() -> None:
    task = TextCraft(distractors=6).sample(0, "train", 0, 3)
    assert task.context.book is not None
    useless = set(task.context.stock) - set(task.context.book.requirements(task.context.targets))
    assert len(useless) == 6
    assert sorted(task.context.book.level(item) for item in useless) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 0}, "levels must be at least 1, got 0"),
        ({"levels": MAX_LEVELS + 1}, f"levels must be at most {MAX_LEVELS}, got {MAX_LEVELS + 1}"),
        ({"targets": 9}, "targets must be at most 4, got 9"),
        ({"ingredients": True}, "ingredients must be an integer of at least 1, got True"),
        ({"slack": -0.5}, "slack must be a number from 0 to 100, got -0.5"),
        ({"slack": "much"}, "slack must be a number from 0 to 100, got 'much'"),
        ({"distractors": -1}, "distractors must be at least 0, got -1"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        TextCraft(**options)


def test_other_names_and_difficulties_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown names 'opake'\. Did you mean 'opaque'\?"):
        TextCraft(names="opake")
    with pytest.raises(InvalidValueError, match=f"difficulty must be at most {MAX_LEVELS}, got 99"):
        TextCraft().sample(0, "train", 0, 99)
    assert TextCraft(levels=2).sample(0, "train", 0, 99).record.parameters["levels"] == 2


CRAFTS: dict[str, tuple[object, object, str]] = {
    "made": ({"log": 2}, ["plank", 8], "Made 8 plank. 8 are in stock."),
    "wrong amount": ({"log": 3}, ["plank", 8], r"Error: 3 log is the wrong amount. 8 plank take exactly 2 log \(9 in"),
    "no multiple": ({"log": 1}, ["plank", 6], "Error: plank is made 4 at a time: craft 4 or 8, not 6."),
    "less than one batch": ({"log": 1}, ["plank", 1], "Error: plank is made 4 at a time: craft 4, not 1."),
    "missing": ({}, ["plank", 4], r"Error: log is missing. 4 plank take exactly 1 log \(9 in stock\)."),
    "too much": ({"log": 1, "nail": 1}, ["plank", 4], "Error: nail is no ingredient of plank. 4 plank take exactly 1"),
    "unknown target": ({"log": 1}, ["plnak", 4], r"Error: there is no item 'plnak'. Did you mean 'plank'\? None are"),
    "unknown ingredient": (
        {"logg": 1},
        ["plank", 4],
        r"Error: there is no item 'logg'. Did you mean 'log'\? 9 are in",
    ),
    "nothing like it": ({}, ["?!", 4], r"Error: there is no item '\?!'\.$"),
    "raw": ({}, ["log", 1], "Error: log is a raw material; no recipe makes it. 9 are in stock."),
    "not in stock": ({"plank": 4}, ["table", 1], r"not enough in stock. 1 table take exactly 4 plank \(0 in stock\)."),
    "more than in stock": ({"log": 10}, ["plank", 40], r"not enough in stock. 40 plank take exactly 10 log \(9 in"),
    "nothing": ({"log": 1}, ["plank", 0], "the amount of plank must be a whole number from 1 to 1,000,000,000, got 0"),
    "negative": ({"log": -1}, ["plank", -4], "the amount of plank must be a whole number .* got -4"),
    "negative ingredient": ({"log": -1}, ["plank", 4], "the amount of log must be a whole number .* got -1"),
    "huge": ({"log": 10**30}, ["plank", 4 * 10**30], r"must be a whole number from 1 to 1,000,000,000, got 4000"),
    "not whole": ({"log": 1.0}, ["plank", 4], "the amount of log must be a whole number .* got 1.0"),
    "true": ({"log": True}, ["plank", 4], "the amount of log must be a whole number .* got True"),
    "text": ({"log": 1}, ["plank", "4"], "the amount of plank must be a whole number .* got '4'"),
    "no pair": ({"log": 1}, ["plank"], r"target must be \[item, amount\], got \['plank'\]"),
    "no name": ({"log": 1}, [4, "plank"], "the target's item must be a name, got 4"),
    "no list": ({"log": 1}, "plank", "'target' must be list, got str"),
    "no object": (["log"], ["plank", 4], "'ingredients' must be dict, got list"),
}


@pytest.mark.parametrize("case", CRAFTS)
def test_crafts_that_cannot_be_made_cost_a_turn_and_change_nothing(case: str) -> None:
    ingredients, target, reply = CRAFTS[case]
    scene = Scene({"table": 1}, log=9)
    before = fingerprint(scene.workshop)
    assert re.search(reply, scene.act(scene.root, "craft", ingredients=ingredients, target=target))
    assert scene.root.turns == 1
    assert (fingerprint(scene.workshop) == before) == (case != "made")


def test_information_is_the_same_in_both_action_forms() -> None:
    infos = [
        {"item": "plank", "level": 1, "in_stock": 0, "makes": 4, "ingredients": {"log": 1}},
        {"item": "log", "level": 0, "in_stock": 9},
    ]
    scene = Scene({"table": 1}, log=9)
    assert json.loads(scene.act(scene.root, "get_info", items=["plank", "log"])) == infos
    assert json.loads(scene.act(scene.root, "view_inventory")) == {"log": 9}
    runtime = Runtime(TextCraft(), actions="python")
    root = runtime.start(scene.runtime.task)
    runtime.act(root, write_cell("print(get_info(['plank', 'log']) == " + repr(infos) + ", view_inventory(), targets)"))
    runtime.act(root, write_cell("craft({'log': 2}, ('plank', 4))"))
    runtime.act(root, write_cell("print(craft({'log': 1}, ('plank', 4)))"))
    replies = [message["content"].splitlines()[-1] for message in root.messages[3::2]]
    assert replies == [
        "True {'log': 9} {'table': 1}",
        "ValueError: 2 log is the wrong amount. 4 plank take exactly 1 log (9 in stock).",
        "Made 4 plank. 4 are in stock.",
    ]
    runtime.close()


@pytest.mark.parametrize(
    ("items", "reply"),
    [
        (["plank", "stck"], "there is no item 'stck'. Did you mean 'stick'? None are in stock."),
        ([7], "there is no item '7'."),
        (["log"] * 101, "ask for at most 100 items at once, not 101."),
        ("plank", "'items' must be list, got str"),
    ],
)
def test_bad_questions_are_answered(items: object, reply: str) -> None:
    scene = Scene({"table": 1}, log=9)
    assert reply in scene.act(scene.root, "get_info", items=items)


LAUNCHES: dict[str, tuple[dict[str, Any], dict[str, int] | str]] = {
    "by targets": ({"targets": {"ladder": 2, "table": 1}}, {"ladder": 2, "table": 1}),
    "by reference": ({"ingredient": "ladder"}, {"ladder": 4}),
    "by goal": ({"goal": "Craft the following items: 2x ladder, 1x table"}, {"ladder": 2, "table": 1}),
    "by goal and targets": ({"goal": write_goal({"table": 1}), "targets": {"table": 1}}, {"table": 1}),
    "with words": ({"goal": "Be quick.", "targets": {"table": 1}}, {"table": 1}),
    "some of the own targets": ({"targets": {"loft": 1}}, {"loft": 1}),
    "what is no part": ({"targets": {"sign": 1}}, {"sign": 1}),
    "all of the own work": ({"targets": {"loft": 2}}, "that is all of your own work. Launch a part of it."),
    "more than that": ({"targets": {"loft": 3, "sign": 1}}, "that is all of your own work."),
    "nothing": ({}, 'say what to craft: targets={"item": amount}, or an ingredient of your targets.'),
    "words alone": ({"goal": "Make me a loft"}, "say what to craft"),
    "both": ({"targets": {"table": 1}, "ingredient": "table"}, "give targets or an ingredient, not both."),
    "another goal": ({"goal": write_goal({"sign": 1}), "targets": {"table": 1}}, "the goal names other targets than"),
    "raw": ({"targets": {"log": 1}}, "log is a raw material; no recipe makes it. 9 are in stock."),
    "raw by reference": ({"ingredient": "nail"}, "nail is a raw material; no recipe makes it. None are in stock."),
    "unknown": ({"targets": {"tabel": 1}}, "there is no item 'tabel'. Did you mean 'table'? None are in stock."),
    "no ingredient": ({"ingredient": "sign"}, "'sign' is no ingredient of your targets. They take: ladder, table."),
    "no amount": ({"targets": {"table": 0}}, "the amount of table must be a whole number from 1 to 1,000,000,000."),
    "huge": ({"targets": {"table": 10**30}}, "the amount of table must be a whole number from 1 to 1,000,000,000."),
    "empty": ({"targets": {}}, "targets must name 1 to 100 items with amounts."),
    "too many": ({"targets": {f"i{number}": 1 for number in range(101)}}, "targets must name 1 to 100 items"),
}


@pytest.mark.parametrize("case", LAUNCHES)
def test_launches_name_what_to_craft_or_are_refused(case: str) -> None:
    arguments, expected = LAUNCHES[case]
    scene = Scene({"loft": 2}, log=9)
    reply = scene.act(scene.root, "launch_subagent", **arguments)
    if isinstance(expected, str):
        assert f"Launch refused: {expected}" in reply
        assert not scene.root.children
        return
    [child] = scene.root.children
    goal, _, words = child.goal.partition("\n")
    assert read_goal(goal) == expected
    assert words == ("Be quick." if case == "with words" else "")
    assert (child.part == 0.0) == (case == "what is no part")


def test_shares_of_the_ingredients_add_up_and_none_counts_twice() -> None:
    scene = Scene({"loft": 1}, log=99)
    children = scene.launch(scene.root, {"ladder": 2}, {"table": 1}, {"table": 1}, {"plank": 8}, {"sign": 3})
    # in all 1 batch of ladders, 2 of sticks, 1 of tables and 2 of planks; ladders take 4 of the 8 planks, tables 4
    assert [child.part for child in children] == [4 / 6, 2 / 6, 0.0, 0.0, 0.0]


def test_a_target_is_no_part_of_making_more_of_it_than_is_left() -> None:
    scene = Scene({"table": 3, "stick": 4}, log=99)
    children = scene.launch(scene.root, {"table": 2}, {"table": 2}, {"table": 1})
    total = 3 + 1 + 4  # batches of tables, sticks and planks
    assert [child.part for child in children] == [(2 + 2) / total, (1 + 1) / total, 0.0]


def test_only_orders_with_more_than_one_recipe_are_divisible() -> None:
    scene = Scene({"loft": 1}, log=99)
    children = scene.launch(scene.root, {"plank": 4}, {"table": 1}, {"plank": 4, "stick": 4})
    assert [node.divisible for node in (scene.root, *children)] == [True, False, True, True]


def test_agents_without_sub_agents_are_told_nothing_of_them() -> None:
    family = TextCraft()
    assert "sub-agent" in family.rules(recursive=True)
    assert "sub-agent" not in family.rules(recursive=False)


def test_eight_rollouts_of_a_task_side_by_side_share_nothing() -> None:
    setup = make_setup("rao/TextCraft-v0", actions="tools")
    task = setup.family.sample(0, "train", 0, 5)
    policy = setup.family.reference_policy()
    runtimes = [setup.runtime() for _ in range(8)]
    for runtime in runtimes:
        runtime.start(task)
    assert len({id(runtime.world) for runtime in runtimes}) == 8
    stocks = [runtime.world.stock for runtime in runtimes if runtime.world is not None]  # type: ignore[attr-defined]
    turn = 0
    while not all(runtime.done for runtime in runtimes):
        for number, runtime in enumerate(runtimes):
            if not runtime.done and turn % (number + 1) == 0:  # at different speeds
                node = next(iter(runtime.ready))
                runtime.act(node, policy.act([turn_of(runtime, node)])[0])
        turn += 1
    assert all(runtime.tree == runtimes[0].tree for runtime in runtimes)
    assert runtimes[0].tree.root.signal == 1.0
    assert all(stock == stocks[0] for stock in stocks)
    assert task.context.stock == TextCraft().sample(0, "train", 0, 5).context.stock


def test_children_that_run_at_once_take_turns() -> None:
    scene = Scene({"loft": 1}, log=9)
    first, second = scene.launch(scene.root, {"plank": 8}, {"plank": 4})
    for _ in range(2):
        for node in list(scene.runtime.ready):
            scene.craft(node, "plank", 4)
    entries = scene.workshop.ledger.entries
    assert [entry.agent for entry in entries] == [first.name, second.name, first.name, second.name]


def test_the_calls_of_one_message_are_one_craft_after_the_other() -> None:
    scene = Scene({"table": 1}, log=9)
    calls = [("plank", {"log": 1}, 4), ("table", {"plank": 4}, 1), ("table", {"plank": 4}, 1)]
    scene.runtime.act(
        scene.root, "".join(write_call("craft", ingredients=taken, target=[item, n]) for item, taken, n in calls)
    )
    assert scene.root.messages[-1]["content"].count("Made") == 2
    assert scene.finish(scene.root) == 1.0


def test_books_are_shared_and_never_copied() -> None:
    scene = Scene({"table": 1}, log=9)
    assert scene.workshop.book is BOOK
