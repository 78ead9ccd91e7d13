"""That every family tells parts of the work from other work, whatever it is disguised as."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.actions import write_call
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.arithmetic import Arithmetic
from rao_gym.tasks.arithmetic.expressions import evaluate, parse, render, size
from rao_gym.tasks.arithmetic.family import Problem
from rao_gym.tasks.arithmetic.parts import is_part, same_work
from rao_gym.tasks.base import LaunchRefusedError, Task
from rao_gym.tasks.code import Code
from rao_gym.tasks.code.functions import CodeContext
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import KINDS, parse_question
from rao_gym.tasks.long_context.kinds.aggregate import CountRecords, Difference
from rao_gym.tasks.long_context.kinds.needle import CodesOf, FindCodes
from rao_gym.tasks.long_context.kinds.records import Filter
from rao_gym.tasks.long_context.kinds.trace import TrailEnd, TrailSteps
from rao_gym.tasks.long_context.lexicon import CATEGORY_NAMES
from rao_gym.tools import LAUNCH
from rao_gym.tree import Node

OWN = "(3+4)*(5-6*7)+(8-2)"


@pytest.mark.parametrize(
    "part",
    ["(3+4)*(5-6*7)", "8-2", "3+4", " 4 + 3", "5-6*7", "5-7*6", "6*7", "(5-7*6)*(4+3)", "(3+4)*(5-6*7)+8", "2-8"],
)
def test_operands_and_expressions_inside_them_are_parts(part: str) -> None:
    assert is_part(parse(part), parse(OWN))


@pytest.mark.parametrize("other", ["1+1", "3+5", "0*(8-2)", "8-2+0", "(8-2)*1", "5-6", "6*7+1", "(3+4)*(8-2)", "7*7-1"])
def test_other_expressions_are_none(other: str) -> None:
    assert not is_part(parse(other), parse(OWN))
    assert not same_work(parse(other), parse(OWN))


@pytest.mark.parametrize(
    "disguise", [OWN, f"{OWN}+0", f"0+({OWN})", f"1*({OWN})", f"({OWN})/1", "8-2+(5-7*6)*(4+3)", f"1*(({OWN})-0)+0"]
)
def test_the_same_work_is_no_part_and_is_found_in_any_disguise(disguise: str) -> None:
    assert not is_part(parse(disguise), parse(OWN))
    assert same_work(parse(disguise), parse(OWN))


def test_the_operand_of_an_operation_that_changes_nothing_may_be_launched() -> None:
    runtime, root = scene("(3+8)*1")
    runtime.act(root, write_call(LAUNCH, goal="3+8"))
    assert [node.part for node in runtime.tree.nodes] == [None, 1.0]


@pytest.mark.parametrize(
    ("own", "parts", "others"),
    [
        (
            "4821*37",
            ["4800*37", "37*21", "4821*30", "1*7"],
            ["4821*37", "37*4821", "1*1", "48*37", "4801*37", "4800*0"],
        ),
        ("4821+937", ["4820+930", "7+1", "800+900"], ["4821+937", "20+900", "21+900", "4000+0", "0+0"]),
    ],
)
def test_operations_on_some_digits_are_parts_where_numbers_are_long(
    own: str, parts: list[str], others: list[str]
) -> None:
    found = [part for part in [*parts, *others] if is_part(parse(part), parse(own), digits=True)]
    assert found == parts
    assert not any(is_part(parse(part), parse(own)) for part in parts)


@given(st.integers(0, 10**6), st.sampled_from(["tree", "chain", "modular"]), st.integers(2, 5))
def test_both_operands_are_parts_and_nothing_is_a_part_of_itself(seed: int, kind: str, difficulty: int) -> None:
    own: Any = Arithmetic(kind=kind).sample(seed, "train", 0, difficulty).context.expression
    assert not is_part(own, own)
    for inner in (own.left, own.right):
        assert is_part(inner, own) == (size(inner) > 0)
        assert not is_part(own, inner)


def scene(goal: str, **options: Any) -> tuple[Runtime[Any], Node]:
    """Begin with the user's own expression."""
    runtime = make_setup("rao/Arithmetic-v0", **options).runtime()
    expression = parse(goal)
    record = runtime.family.sample(0, "train", 0, 1).record
    object.__setattr__(record, "goal", goal)
    return runtime, runtime.start(
        Task(record=record, context=Problem(expression=expression, value=evaluate(expression)))
    )


def test_the_runtime_asks_once_at_launch_and_the_tree_keeps_the_answer() -> None:
    runtime, root = scene("(3+8)*2")
    runtime.act(root, "".join(write_call(LAUNCH, goal=goal) for goal in ("3+8", "1+1", "2*(8+3)+0")))
    assert [node.part for node in runtime.tree.nodes] == [None, 1.0, 0.0]
    assert root.refusals == 1
    child = runtime.tree.nodes[1]
    runtime.act(child, write_call("finish", answer=11))
    runtime.act(runtime.tree.nodes[2], write_call("finish", answer=2))
    assert "Launch refused: that is your own expression. Launch a part of it." in root.messages[-1]["content"]


@pytest.mark.parametrize(
    ("own", "goals", "shares"),
    [
        ("(3+8)*(3+8)", [{"operand": "left"}, {"operand": "right"}, {"operand": "left"}], [0.5, 0.5, 0.0]),
        ("(1+2)*(3+4)+5", [{"goal": "1+2"}, {"goal": "2+1"}, {"goal": "3+4"}], [1 / 3, 0.0, 1 / 3]),
        ("(1+2)*(3+4)+5", [{"goal": "(1+2)*(3+4)"}, {"goal": "3+4"}], [1.0, 0.0]),
        ("1+2+3+4", [{"goal": "1+2"}, {"goal": "3+4"}], [0.5, 0.5]),
    ],
)
def test_a_share_is_that_of_the_operations_and_counts_once(
    own: str, goals: list[dict[str, str]], shares: list[float]
) -> None:
    runtime, root = scene(own)
    runtime.act(root, "".join(write_call(LAUNCH, **goal) for goal in goals))
    assert [child.part for child in root.children] == pytest.approx(shares)


def test_what_came_back_is_no_work_any_more() -> None:
    runtime, root = scene("(3+8)*(2+5)")
    runtime.act(root, write_call(LAUNCH, operand="left"))
    runtime.act(runtime.tree.nodes[1], write_call("finish", answer=11))
    runtime.act(root, write_call(LAUNCH, goal="3+8") + write_call(LAUNCH, goal=render(parse("(8+3)*(2+5)"))))
    assert [node.part for node in runtime.tree.nodes] == [None, 0.5, 0.0]
    assert root.refusals == 1


def launched(
    family: LongContext, task: Task[Passage], goal: str, start: int, end: int, *before: tuple[str, int, int]
) -> float | None:
    """Return what `part_of` says of a launch by the root, after others."""
    children = []
    for words, first, after in (*before, (goal, start, end)):
        given, context = family.delegate(words, task.root, {"start": first, "end": after})
        children.append(Agent(goal=given, context=context))
    return family.part_of(task, task.root, children[-1], children[:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_own_question_and_its_part_about_fewer_lines_are_parts(kind: str) -> None:
    family = LongContext(kind=kind)
    task = family.sample(1, "train", 0, 3)
    question, end = parse_question(task.goal), task.context.end
    assert question is not None
    for goal in (question.part.render(), f"  {question.part.render().replace(' ', '  ')}"):
        assert launched(family, task, goal, 0, end // 2) == (end // 2) / end
        assert launched(family, task, goal, end // 4, end) == (end - end // 4) / end
        a_line = 1 / end if kind == "pages" else 0.0  # a line of many is no share of the work; a page of four is
        assert launched(family, task, goal, 3, 4) == a_line
    if kind != "trace":  # where a trail does not go on, the question alone tells the answer
        assert launched(family, task, task.goal, 0, end // 2) == (end // 2) / end


def test_lines_that_siblings_were_asked_about_do_not_count_again() -> None:
    family = LongContext(kind="needle", variant="multi_query")
    task = family.sample(1, "train", 0, 3)
    goal, end = task.goal, task.context.end
    assert launched(family, task, goal, 0, 40, (goal, 0, 40)) == 0.0
    assert launched(family, task, goal, 0, 40, (goal, 20, 60), (goal, 10, 30)) == 10 / end
    assert launched(family, task, goal, 0, 40, (goal, 40, 80), ("Say hi.", 0, 40)) == 40 / end
    question = parse_question(goal)
    assert isinstance(question, FindCodes)
    first, second = (CodesOf(key).render() for key in question.keys[:2])
    assert launched(family, task, first, 0, 40, (second, 0, 40)) == 40 / end  # another key
    assert launched(family, task, first, 0, 40, (goal, 0, 40)) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_other_questions_and_other_words_are_none(kind: str) -> None:
    family = LongContext(kind=kind)
    task = family.sample(1, "train", 0, 3)
    others = [LongContext(kind=other).sample(2, "train", 0, 3).goal for other in KINDS if other != kind]
    for goal in [*others, "Say hi.", f"{task.goal} It is 42.", "What are all the access codes of the big moon?"]:
        assert launched(family, task, goal, 0, task.context.end // 2) == 0.0


def test_splitting_a_short_passage_may_leave_single_lines() -> None:
    family = LongContext(kind="needle")
    task = family.sample(1, "train", 0, 3)
    for num_lines, share in ((3, 1 / 3), (4, 0.25), (30, 0.0)):
        parent = Agent(goal=task.goal, context=Passage(task.context.document, 5, 5 + num_lines))
        child = Agent(goal=task.goal, context=Passage(task.context.document, 5, 6))
        assert family.part_of(task, parent, child, ()) == share


def test_some_of_the_keys_are_a_part_of_a_question_about_all_of_them() -> None:
    family = LongContext(kind="needle", variant="multi_query")
    task = family.sample(1, "train", 0, 3)
    question = parse_question(task.goal)
    assert isinstance(question, FindCodes)
    half = task.context.end // 2
    for keys, part in ((question.keys[:1], True), (question.keys[::-1], True), ((*question.keys, "odd key"), False)):
        assert bool(launched(family, task, FindCodes(keys).render(), 0, half)) is part
    assert launched(family, task, CodesOf(question.keys[0]).render(), 0, half) == half / task.context.end


def test_a_difference_needs_both_of_its_numbers() -> None:
    family = LongContext(kind="aggregate")
    more, less, other = (Filter(category=name) for name in CATEGORY_NAMES[:3])
    task = family.sample(1, "train", 0, 3)
    parent = Agent(goal=Difference(more, less).render(), context=task.context)
    half = Passage(task.context.document, 0, task.context.end // 2)
    found = [
        family.part_of(task, parent, Agent(goal=CountRecords(each).render(), context=half), ())
        for each in (more, less, other)
    ]
    assert found == [half.end / task.context.end] * 2 + [0.0]


def test_a_trail_is_needed_from_each_of_its_places_to_where_it_goes_on() -> None:
    family = LongContext(kind="trace")
    task = family.sample(1, "train", 0, 3)
    steps: Any = TrailSteps().truth(task.context)
    question = parse_question(task.goal)
    assert isinstance(question, TrailEnd)
    second = steps[question.place]
    elsewhere = next(place for place in steps if place not in question.walk(steps))
    end = task.context.end
    halves = ((0, end // 2), (end // 2, end))
    goes_on = [TrailEnd(second).truth(Passage(task.context.document, *lines)) != second for lines in halves]
    assert [bool(launched(family, task, TrailEnd(second).render(), *lines)) for lines in halves] == goes_on
    assert any(goes_on)
    assert not any(launched(family, task, TrailEnd(elsewhere).render(), *lines) for lines in halves)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_question_about_the_same_lines_is_refused_in_any_words(kind: str) -> None:
    family = LongContext(kind=kind)
    task = family.sample(1, "train", 0, 3)
    question, all_lines = parse_question(task.goal), {"start": 0, "end": task.context.end}
    assert question is not None
    for goal in (task.goal, f" {task.goal.replace(' ', '  ')}", question.part.render()):
        with pytest.raises(LaunchRefusedError, match=r"all of your lines. Name a part of them\.$"):
            family.delegate(goal, task.root, all_lines)
    assert family.delegate("Say hi.", task.root, all_lines)[0] == "Say hi."


def test_the_same_keys_in_another_question_are_refused() -> None:
    family = LongContext(kind="needle", variant="single")
    task = family.sample(1, "train", 0, 1)
    question = parse_question(task.goal)
    assert isinstance(question, CodesOf)
    with pytest.raises(LaunchRefusedError):
        family.delegate(FindCodes((question.key,)).render(), task.root, {"start": 0, "end": task.context.end})


def test_of_the_users_own_questions_the_same_words_are_a_part_and_others_unknown(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    lines = "\n".join(f"Line {number} says that all is well with the harbour." for number in range(40))
    path.write_text(json.dumps({"context": lines, "question": "Is all well?", "answer": "yes"}) + "\n")
    family = LongContext(questions=path)
    task = family.sample(0, "train", 0, 1)
    assert launched(family, task, "Is  all well?", 0, 20, ("Is all well?", 10, 30)) == 0.25
    assert launched(family, task, "What do these lines say?", 0, 20) is None
    assert launched(family, task, "Is all well?", 0, 1) == 0.0
    with pytest.raises(LaunchRefusedError):
        family.delegate(" Is all  well?", task.root, {"start": 0, "end": 40})


@pytest.fixture(scope="module")
def code() -> Iterator[Code]:
    """Return the family of composed modules."""
    family = Code(helpers=4, call_depth=2)
    yield family
    family.close()


def says(family: Code, task: Task[CodeContext], parent: str, name: str, goal: str = "Write it.") -> float:
    """Return what `part_of` says of a function."""
    functions = task.context.functions
    agents = [Agent(goal=goal, context=CodeContext(functions, (each,))) for each in (parent, name)]
    return family.part_of(task, agents[0], agents[1], ())


def test_the_helpers_that_a_function_calls_are_its_parts(code: Code) -> None:
    task = code.sample(0, "train", 0, 3)
    functions, (target,) = task.context.functions, task.context.wanted
    needed = functions[target].helpers
    found = [name for name in functions if says(code, task, target, name)]
    assert set(found) == set(needed)
    assert sum(says(code, task, target, name) for name in found) == pytest.approx(1.0)
    assert len(found) < len(functions) - 1  # the helpers of helpers come with them
    assert not any(says(code, task, name, target) for name in functions)


def test_a_helper_whose_source_is_in_the_goal_is_no_part(code: Code) -> None:
    task = code.sample(0, "train", 0, 3)
    (target,) = task.context.wanted
    name = task.context.functions[target].helpers[0]
    source = task.context.functions[name].reference
    for goal in (source, f"Return this: {source!r}", f"{name} = lambda number: 3"):
        assert not says(code, task, target, name, goal)
    assert says(code, task, target, name, f"Write the Python function `{name}`, please.")


def test_each_of_several_wanted_functions_is_a_part() -> None:
    family = Code(source="stdlib", functions=3)
    task = family.sample(0, "train", 0, 1)
    children = [
        Agent(goal="Write it.", context=CodeContext(task.context.functions, (name,))) for name in task.context.wanted
    ]
    shares = [family.part_of(task, task.root, child, children[:place]) for place, child in enumerate(children)]
    assert shares == [1 / 3] * 3
    assert family.part_of(task, task.root, children[1], children) == 0.0
    assert not family.part_of(task, children[0], children[1], ())
    assert not family.part_of(task, task.root, task.root, ())
    family.close()
