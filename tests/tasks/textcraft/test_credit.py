"""Each rule of the ledger as a scene, and that the ledger always agrees with the stock."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from crafting import ALL, BOOK, Scene

from rao_gym.tasks.textcraft.workshop import gains


def test_a_child_that_made_its_targets_succeeds_although_a_sibling_used_them() -> None:
    scene = Scene({"loft": 1}, log=9)
    sawyer, joiner = scene.launch(scene.root, {"plank": 4}, {"table": 1})
    scene.craft(sawyer, "plank", 4)
    scene.craft(joiner, "table", 1)
    assert "plank" not in scene.workshop.stock
    assert (scene.finish(joiner), scene.finish(sawyer)) == (1.0, 1.0)


def test_a_child_keeps_its_success_when_its_parent_uses_what_it_made() -> None:
    scene = Scene({"table": 1}, log=9)
    [sawyer] = scene.launch(scene.root, {"plank": 4})
    scene.craft(sawyer, "plank", 4)
    assert scene.finish(sawyer) == 1.0
    scene.craft(scene.root, "table", 1)
    assert gains(scene.workshop.ledger.under(sawyer.name)) == {"plank": 4, "log": -1}
    assert scene.finish(scene.root) == 1.0


def test_an_idle_child_does_not_succeed_because_a_sibling_made_its_targets() -> None:
    scene = Scene({"table": 1}, log=9)
    busy, idle = scene.launch(scene.root, {"plank": 4}, {"plank": 4})
    scene.craft(busy, "plank", 8)
    assert (scene.finish(busy), scene.finish(idle)) == (1.0, 0.0)


def test_an_idle_child_does_not_succeed_because_its_parent_made_its_targets_before() -> None:
    scene = Scene({"table": 1}, log=9)
    scene.craft(scene.root, "plank", 4)
    [idle] = scene.launch(scene.root, {"plank": 4})
    assert scene.finish(idle) == 0.0


def test_what_is_in_stock_already_earns_nothing() -> None:
    scene = Scene({"table": 1}, log=9, plank=4)
    idle, busy = scene.launch(scene.root, {"plank": 4}, {"plank": 4})
    scene.craft(busy, "plank", 4)
    assert (scene.finish(idle), scene.finish(busy)) == (0.0, 1.0)
    scene.craft(scene.root, "table", 1)
    assert scene.finish(scene.root) == 1.0


def test_a_target_in_stock_at_the_start_must_be_made_anew() -> None:
    scene = Scene({"plank": 4}, log=9, plank=4)
    assert scene.finish(scene.root) == 0.0


@pytest.mark.parametrize(("planks", "signal"), [(4, 0.0), (8, 1.0)])
def test_what_an_agent_used_itself_does_not_count_a_second_time(planks: int, signal: float) -> None:
    scene = Scene({"loft": 1}, log=9)
    [joiner] = scene.launch(scene.root, {"plank": 4, "stick": 4})
    scene.craft(joiner, "plank", planks)
    scene.craft(joiner, "stick", 4)
    assert scene.finish(joiner) == signal


def test_using_what_a_sibling_made_does_not_replace_making_it() -> None:
    scene = Scene({"loft": 1}, log=9)
    sawyer, joiner = scene.launch(scene.root, {"plank": 4}, {"plank": 4, "table": 1})
    scene.craft(sawyer, "plank", 4)
    scene.craft(joiner, "plank", 4)
    scene.craft(joiner, "table", 1)
    assert scene.workshop.stock["plank"] == 4
    assert (scene.finish(sawyer), scene.finish(joiner)) == (1.0, 0.0)


@pytest.mark.parametrize(("planks", "signal"), [(8, 1.0), (9, 0.0)])
def test_what_a_child_of_a_child_made_counts_to_both_once(planks: int, signal: float) -> None:
    scene = Scene({"loft": 1}, log=9)
    [child] = scene.launch(scene.root, {"plank": planks})
    [grandchild] = scene.launch(child, {"plank": 4})
    scene.craft(grandchild, "plank", 4)
    assert scene.finish(grandchild) == 1.0
    scene.craft(child, "plank", 4)
    assert scene.finish(child) == signal


def test_what_an_agent_makes_in_place_of_its_child_counts_to_the_agent_alone() -> None:
    scene = Scene({"loft": 1}, log=9)
    [child] = scene.launch(scene.root, {"table": 1})
    [idle] = scene.launch(child, {"plank": 4})
    assert scene.finish(idle) == 0.0
    scene.craft(child, "plank", 4)
    scene.craft(child, "table", 1)
    assert scene.finish(child) == 1.0


def test_an_agent_does_not_answer_for_the_targets_of_its_failed_child() -> None:
    scene = Scene({"table": 1}, log=9)
    [child] = scene.launch(scene.root, {"plank": 8})
    scene.craft(child, "plank", 4)
    assert scene.finish(child) == 0.0
    scene.craft(scene.root, "table", 1)
    assert scene.finish(scene.root) == 1.0


def play_at_random(seed: int) -> None:
    """Let agents craft, launch and finish at random, and compare the ledger with the stock after every turn."""
    rng = np.random.default_rng(seed)
    stock = {"log": 12, "nail": 5, "plank": int(rng.integers(4))}
    scene = Scene({"loft": 1}, **stock)
    scene.launch(scene.root, {"plank": 4}, {"stick": 4}, {"table": 2}, {"ladder": 3})
    for _ in range(int(rng.integers(5, 25))):
        if scene.runtime.done:
            break
        ready = list(scene.runtime.ready)
        node = ready[rng.integers(len(ready))]
        dice, item = rng.random(), ALL[rng.integers(len(ALL))]
        if dice < 0.1:
            scene.finish(node)
        elif dice < 0.25:
            scene.launch(node, {item: int(rng.integers(1, 5))})
        else:
            scene.craft(node, item, BOOK.recipes[item].makes * int(rng.integers(1, 3)))
        check_ledger(scene, stock)


def check_ledger(scene: Scene, stock: dict[str, int]) -> None:
    """Check that the ledger's totals are the changes of the stock, and that each deed counts once at each level."""
    ledger = scene.workshop.ledger
    change = Counter(scene.workshop.stock)
    change.subtract(stock)
    assert gains(ledger.under("root")) == gains(entry.deed for entry in ledger.entries)
    assert {k: v for k, v in gains(ledger.under("root")).items() if v} == {k: v for k, v in change.items() if v}
    assert min(scene.workshop.stock.values()) > 0
    for node in scene.runtime.tree.nodes:
        names = [node.name, *(child.name for child in node.children)]
        parts = [ledger.by(names[0]), *map(ledger.under, names[1:])]
        assert Counter(ledger.under(node.name)) == sum(map(Counter, parts), Counter())


@pytest.mark.parametrize("block", range(10))
def test_the_ledger_agrees_with_the_stock_in_any_interleaving(block: int) -> None:
    for seed in range(20 * block, 20 * (block + 1)):
        play_at_random(seed)


@pytest.mark.slow
def test_the_ledger_agrees_with_the_stock_in_5000_interleavings() -> None:
    for seed in range(5_000):
        play_at_random(seed)
