"""Pages: what they hold, how they are shown, and how parts of them are verified."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.actions import write_call
from rao_gym.jsonable import JSON
from rao_gym.registry import make_setup
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.kinds.pages import LETTERS
from rao_gym.tree import StopReason

QUESTION = "Which digit is on your pages? Answer with it, or with none."


@pytest.mark.parametrize("difficulty", [1, 2, 5, 9])
def test_one_of_the_pages_holds_a_digit(difficulty: int) -> None:
    task = LongContext(kind="pages").sample(0, "train", 0, difficulty)
    pages = task.context.document.lines
    assert len(pages) == 2 ** (difficulty - 1)
    symbols = [symbol for page in pages for symbol in page.split("-")]
    assert len(symbols) == 12 * len(pages)
    (digit,) = [symbol for symbol in symbols if symbol not in LETTERS]
    assert task.record.answer == int(digit)
    assert task.goal == QUESTION


def test_digits_and_their_places_are_spread_evenly() -> None:
    family = LongContext(kind="pages", page_letters=5)
    tasks = [family.sample(0, "train", index, 2) for index in range(400)]
    assert {task.record.answer for task in tasks} == set(range(10))
    shown = [" ".join(task.context.document.lines).replace("-", "").replace(" ", "") for task in tasks]
    places = [next(place for place, symbol in enumerate(text) if symbol.isdigit()) for text in shown]
    assert all(20 <= places.count(place) <= 65 for place in range(10))


@given(difficulty=st.integers(2, 7), index=st.integers(0, 50), side=st.sampled_from(["left", "right"]))
def test_exactly_one_half_has_the_digit_and_the_other_has_none(difficulty: int, index: int, side: str) -> None:
    family = LongContext(kind="pages")
    task = family.sample(0, "test", index, difficulty)
    goal, half = family.delegate("", task.root, {"part": side})
    _, other = family.delegate("", task.root, {"part": "right" if side == "left" else "left"})
    digit = task.record.answer
    signals: set[tuple[float | None, ...]] = {
        tuple(family.verify(task, Agent(goal=goal, context=part), value) for value in (digit, None, "none"))
        for part in (half, other)
    }
    assert signals == {(1.0, 0.0, 0.0), (0.0, 1.0, 1.0)}
    children = [Agent(goal=goal, context=part) for part in (half, other, half)]
    shares = [family.part_of(task, task.root, child, children[:place]) for place, child in enumerate(children)]
    assert shares == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("wrong", [None, "none", "", [], "seven", [1, 2], 10, -1])
def test_a_wrong_answer_about_all_pages_is_rejected(wrong: JSON) -> None:
    family = LongContext(kind="pages")
    task = family.sample(0, "train", 0, 3)
    assert family.verify(task, task.root, wrong) == 0.0


def test_the_opening_says_whether_there_is_one_page_or_several_and_count_how_many() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="pages", actions="tools").runtime()
    root = runtime.reset(0, 4)
    assert root.messages[1]["content"].startswith(f"Goal: {QUESTION}\nYou have several pages.\n")
    runtime.act(root, write_call("count"))
    assert "\n8\n" in root.messages[-1]["content"]
    runtime.act(root, write_call("launch_subagent", part="3/8"))
    (child,) = root.children
    assert child.messages[1]["content"].startswith(f"Goal: {QUESTION}\nYou have one page.\n")
    runtime.act(child, write_call("read"))
    assert runtime.task.context.document.lines[2] in child.messages[-1]["content"].split("\n")
    runtime.close()


def test_pages_are_shown_to_a_cell_but_not_given_to_it() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="pages", actions="python").runtime()
    root = runtime.reset(0, 2)
    runtime.act(root, "```python\nprint(count(), read())\n```")
    pages = "\n".join(runtime.task.context.document.lines)
    assert root.messages[-1]["content"].startswith(f"{pages}\n2 None")
    runtime.close()


def test_a_single_page_has_no_parts() -> None:
    family = LongContext(kind="pages")
    with pytest.raises(LaunchRefusedError, match="a single page has no parts"):
        family.delegate("", family.sample(0, "train", 0, 1).root, {"part": "left"})
    with pytest.raises(LaunchRefusedError, match="say which of your pages"):
        family.delegate("", family.sample(0, "train", 0, 2).root, {})


def test_reading_more_than_the_window_holds_fails() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="pages", actions="tools", window=1_000).runtime()
    for difficulty, reason in ((5, None), (9, StopReason.OUT_OF_WINDOW)):
        root = runtime.reset(0, difficulty)
        runtime.act(root, write_call("read"))
        assert root.stop_reason is reason
    runtime.close()
