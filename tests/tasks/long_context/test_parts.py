"""Delegation by part: equal parts by name, with the agent's own goal."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.actions import write_call, write_cell
from rao_gym.registry import make_setup
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Document, Passage
from rao_gym.tasks.long_context.kinds import KINDS, parse_question
from rao_gym.tasks.long_context.parts import named_part


def lines(start: int, end: int) -> Passage:
    """Return lines start..end-1 of a document of 100."""
    return Passage(Document(tuple(f"Line {number}." for number in range(100))), start, end)


@given(st.integers(0, 99), st.integers(1, 100), st.integers(2, 120))
def test_the_parts_of_a_passage_follow_each_other_and_are_about_equal(start: int, size: int, num_parts: int) -> None:
    passage = lines(start, min(start + size, 100))
    num_lines = passage.end - passage.start
    if num_parts > num_lines:
        with pytest.raises(LaunchRefusedError, match=r"has no parts|too few"):
            named_part(passage, {"part": f"1/{num_parts}"})
        return
    parts = [named_part(passage, {"part": f"{place}/{num_parts}"}) for place in range(1, num_parts + 1)]
    assert (parts[0].start, parts[-1].end) == (passage.start, passage.end)
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert {part.end - part.start for part in parts} <= {num_lines // num_parts, num_lines // num_parts + 1}


def test_left_and_right_are_the_halves() -> None:
    left, right = (named_part(lines(10, 17), {"part": part}) for part in ("left", " Right "))
    assert [(left.start, left.end), (right.start, right.end)] == [(10, 13), (13, 17)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "part is missing"),
        ({"start": 3}, "part is missing"),
        ({"part": ""}, "part is missing"),
        ({"start": 3, "end": 5, "part": "left"}, "not by both"),
        ({"part": "middle"}, "left, right or k/m, such as 2/4, not 'middle'"),
        ({"part": "x" * 10_000}, r"not 'x+\.\.\.'"),
        ({"part": "0/2"}, "not '0/2'"),
        ({"part": "3/2"}, "not '3/2'"),
        ({"part": "1/1"}, "not '1/1'"),
        ({"part": "1/9"}, "you have 8 lines, too few for 9 parts"),
        ({"part": "1/" + "9" * 5_000}, "such as 2/4"),
    ],
)
def test_a_part_that_is_none_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(LaunchRefusedError, match=message):
        named_part(lines(0, 8), arguments)


def test_a_single_line_has_no_parts() -> None:
    with pytest.raises(LaunchRefusedError, match="a single line has no parts"):
        named_part(lines(4, 5), {"part": "left"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_without_a_goal_gets_the_agents_own_where_its_answers_combine(kind: str) -> None:
    family = LongContext(kind=kind)
    for index in range(8):
        task = family.sample(0, "train", index, 3)
        question = parse_question(task.goal)
        assert question is not None
        if question.part == question:
            goal, child = family.delegate("", task.root, {"part": "1/3"})
            assert goal == task.goal
            assert family.verify(task, Agent(goal=goal, context=child), question.truth(child)) == 1.0
        else:
            with pytest.raises(LaunchRefusedError, match="Give a goal"):
                family.delegate(" ", task.root, {"part": "1/3"})
        goal, child = family.delegate(question.part.render(), task.root, {"part": "right"})
        assert goal == question.part.render()
        assert family.verify(task, Agent(goal=goal, context=child), question.part.truth(child)) == 1.0


@pytest.mark.parametrize("actions", ["python", "tools"])
def test_halves_are_launched_in_either_form(actions: str, sandbox: Sandbox) -> None:
    runtime = make_setup("rao/LongContext-v0", kind="needle", actions=actions).runtime(sandbox)
    root = runtime.reset(0)
    launches = {
        "tools": "\n".join(write_call("launch_subagent", part=part) for part in ("left", "right")),
        "python": write_cell('await asyncio.gather(*[launch_subagent(part=part) for part in ("left", "right")])'),
    }
    runtime.act(root, launches[actions])
    assert [child.goal for child in root.children] == [root.goal] * 2
    assert [child.arguments["part"] for child in root.children] == ["left", "right"]
    assert root.refusals == 0
