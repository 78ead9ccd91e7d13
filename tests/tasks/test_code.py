"""The family itself: sampling, what agents see, delegation, verification and the scripted policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym import make_setup
from rao_gym.actions import write_cell
from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.policies.base import Policy
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import SPLITS, LaunchRefusedError
from rao_gym.tasks.code import Code
from rao_gym.tasks.code.functions import CodeContext, reference_source
from rao_gym.tools import ToolError
from rao_gym.tree import ExecutionTree, StopReason

Family = Callable[..., Code]


@pytest.fixture(scope="module")
def family() -> Any:
    """Return families by their options, all of them closed in the end."""
    opened: dict[str, Code] = {}

    def get(**options: Any) -> Code:
        return opened.setdefault(repr(options), Code(**options))

    yield get
    for one in opened.values():
        one.close()


def play(runtime: Runtime[Any], policy: Policy) -> ExecutionTree:
    while not runtime.done:
        nodes = list(runtime.ready)
        for node, text in zip(nodes, policy.act([turn_of(runtime, node) for node in nodes]), strict=True):
            runtime.act(node, text)
    return runtime.tree


def rollout(sandbox: Sandbox, difficulty: int, index: int, *, recursive: bool = True, **options: Any) -> ExecutionTree:
    runtime = make_setup("rao/Code-v0", recursive=recursive, **options).runtime(sandbox)
    try:
        runtime.reset(0, difficulty, split=SPLITS[index % 3], index=index)
        family = runtime.family
        return play(runtime, family.reference_policy() if recursive else family.single_policy())
    finally:
        runtime.family.close()


@pytest.mark.parametrize("source", ["composed", "stdlib"])
@pytest.mark.parametrize("difficulty", [1, 2, 4, 7, 10])
def test_the_reference_policy_solves_every_node(sandbox: Sandbox, source: str, difficulty: int) -> None:
    tree = rollout(sandbox, difficulty, difficulty, source=source)
    assert [node.signal for node in tree.nodes] == [1.0] * len(tree)
    assert all(node.stop_reason is StopReason.FINISHED for node in tree.nodes)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["composed", "stdlib"])
@pytest.mark.parametrize("difficulty", range(1, 11))
def test_the_reference_policy_solves_many_tasks(sandbox: Sandbox, source: str, difficulty: int) -> None:
    signals = [rollout(sandbox, difficulty, index, source=source).root.signal for index in range(10)]
    assert signals == [1.0] * 10


def test_the_single_policy_solves_what_fits_into_its_window(sandbox: Sandbox) -> None:
    assert rollout(sandbox, 2, 0, recursive=False).root.signal == 1.0
    assert rollout(sandbox, 10, 0, recursive=False).root.stop_reason is StopReason.OUT_OF_WINDOW
    assert rollout(sandbox, 10, 0, recursive=False, window=16_384).root.signal == 1.0


def test_without_depth_the_reference_policy_works_alone(sandbox: Sandbox) -> None:
    tree = rollout(sandbox, 3, 0, max_depth=0)
    assert len(tree) == 1
    assert tree.root.signal == 1.0


def test_when_launches_are_refused_the_reference_policy_goes_on_alone(sandbox: Sandbox) -> None:
    tree = rollout(sandbox, 2, 0, max_nodes=1)
    assert tree.root.refusals > 0
    assert tree.root.signal == 1.0


def test_work_grows_with_difficulty(sandbox: Sandbox) -> None:
    sizes = [len(rollout(sandbox, difficulty, 0)) for difficulty in (1, 4, 8)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("source", ["composed", "stdlib"])
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31), split=st.sampled_from(SPLITS), index=st.integers(0, 10**6), difficulty=st.integers(1, 6)
)
def test_a_task_is_a_function_of_its_arguments(source: str, seed: int, split: str, index: int, difficulty: int) -> None:
    first, second = (Code(source=source).sample(seed, split, index, difficulty) for _ in range(2))
    assert first.record == second.record
    name = first.context.wanted[0]
    assert first.context.functions[name].cases == second.context.functions[name].cases


def test_difficulty_follows_the_schedule() -> None:
    for difficulty, helpers, call_depth in ((1, 1, 1), (2, 3, 2), (5, 7, 3), (10, 15, 6), (24, 36, 6)):
        task = Code().sample(0, "train", 0, difficulty)
        assert task.record.parameters == {
            "source": "composed",
            "helpers": helpers,
            "call_depth": call_depth,
            "steps": 2,
        }
        assert len(task.context.visible) == helpers + 1
        assert longest_chain(task.context) == call_depth


def longest_chain(context: CodeContext) -> int:
    def below(name: str) -> int:
        return max((1 + below(helper) for helper in context.functions[name].helpers), default=0)

    return below(context.wanted[0])


def test_options_override_the_schedule() -> None:
    task = Code(helpers=5, call_depth=2, steps=1).sample(0, "train", 0, 9)
    assert len(task.context.functions) == 6
    assert longest_chain(task.context) == 2
    assert len(Code(source="stdlib", functions=3).sample(0, "train", 0, 1).context.wanted) == 3


def test_beyond_the_last_function_library_tasks_hold_all_of_them() -> None:
    task = Code(source="stdlib").sample(0, "validation", 0, 500)
    assert sorted(task.context.wanted) == sorted(task.context.functions)


@pytest.mark.parametrize("source", ["composed", "stdlib"])
def test_splits_share_no_task(source: str) -> None:
    family = Code(source=source)
    answers = {
        split: {family.sample(0, split, index, 1 + index % 2).record.answer for index in range(40)} for split in SPLITS
    }
    assert not answers["train"] & answers["validation"] | answers["validation"] & answers["test"]
    assert not answers["train"] & answers["test"]
    if source == "composed":
        assert [len(group) for group in answers.values()] == [40] * 3


@pytest.mark.slow
def test_ten_thousand_of_the_smallest_tasks_share_nothing_between_splits() -> None:
    """At difficulty 1 there is the least to vary; coined names, which could hide a duplicate, are taken out."""
    family = Code()
    owner: dict[str, str] = {}
    for index in range(3_334):
        for split in SPLITS:
            task = family.sample(0, split, index, 1)
            answer = str(task.record.answer)
            for place, name in enumerate(task.context.functions):
                answer = answer.replace(name, f"function_{place}")
            assert owner.setdefault(answer, split) == split


def test_modules_that_are_too_large_are_refused_before_they_are_drawn() -> None:
    for difficulty in (44, 10**6, 10**30):
        with pytest.raises(InvalidValueError, match=f"difficulty must be at most 43 .*64 helpers.*got {difficulty}"):
            Code().sample(0, "train", 0, difficulty)
    with pytest.raises(InvalidValueError, match="helpers must be at most 64, got 200"):
        Code(helpers=200)
    assert Code(helpers=2).sample(0, "train", 0, 10**6).record.parameters["helpers"] == 2


def test_bad_options_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'stdlib'"):
        Code(source="stdlb")
    with pytest.raises(InvalidValueError, match="helpers must be at least 1, got 0"):
        Code(helpers=0)
    with pytest.raises(InvalidValueError, match="offers the action form python alone"):
        make_setup("rao/Code-v0", actions="tools").runtime()
    with pytest.raises(InvalidValueError, match="difficulty"):
        Code().sample(0, "train", 0, 0)


def test_the_opening_shows_the_target_and_hides_what_lies_below(family: Family) -> None:
    task = family().sample(0, "train", 0, 4)
    opening = family().opening(task.root)
    target = task.context.functions[task.context.wanted[0]]
    assert f"def {target.signature}" in opening
    assert all(context_signature(task.context, name) in opening for name in target.helpers)
    assert all(repr(case.expected) in opening for case in target.cases.examples)
    hidden_calls = [f"{target.name}({case.arguments[0]!r})" for case in target.cases.hidden]
    assert not any(call in opening for call in hidden_calls)
    below = set(task.context.visible) - {target.name, *target.helpers}
    assert not any(context_signature(task.context, name) in opening for name in below)


def context_signature(context: CodeContext, name: str) -> str:
    return context.functions[name].signature


def test_specification_shows_any_function_below(family: Family) -> None:
    task = family().sample(0, "train", 0, 4)
    for name in task.context.visible:
        shown = family().call_tool("specification", task.root, {"function": name})
        assert shown.value is None
        assert task.context.functions[name].description in shown.shown
    with pytest.raises(ToolError, match="no function 'xyz' here"):
        family().call_tool("specification", task.root, {"function": "xyz"})


def test_examples_are_run_and_explained(family: Family) -> None:
    task = family().sample(0, "train", 0, 2)
    name = task.context.wanted[0]
    good = family().call_tool("run_examples", task.root, {"source": task.record.answer})
    assert (good.value, good.shown) == (True, "3 of 3 examples pass.")
    bad = family().call_tool("run_examples", task.root, {"source": f"def {name}(value):\n    return 'mine'"})
    assert bad.value is False
    assert "expected" in bad.shown
    assert "got 'mine'" in bad.shown
    junk = family().call_tool("run_examples", task.root, {"source": "def ("})
    assert "SyntaxError" in junk.shown


def test_helpers_are_delegated_with_what_they_need(family: Family) -> None:
    task = family().sample(0, "train", 0, 4)
    target, helper = task.context.wanted[0], task.context.functions[task.context.wanted[0]].helpers[0]
    goal, child = family().delegate("Please.", task.root, {"function": helper})
    assert (goal, child.wanted) == ("Please.", (helper,))
    assert target not in child.visible
    with pytest.raises(LaunchRefusedError, match="write yourself"):
        family().delegate("Please.", task.root, {"function": target})
    with pytest.raises(LaunchRefusedError, match="no function"):
        family().delegate("Please.", Agent(goal="", context=child), {"function": target})
    source = reference_source(task.context.functions, [helper])
    assert family().verify(task, Agent(goal=goal, context=child), source) == 1.0
    assert family().verify(task, task.root, source) == 0.0


@pytest.mark.parametrize("source", ["composed", "stdlib"])
@pytest.mark.parametrize("difficulty", [1, 3, 6])
def test_hard_coding_the_examples_fails(family: Family, source: str, difficulty: int) -> None:
    for index in range(4):
        task = family(source=source).sample(1, "train", index, difficulty)
        answer = "\n".join(hard_coded(task.context, name) for name in task.context.wanted)
        assert family(source=source).call_tool("run_examples", task.root, {"source": answer}).value is True
        signal = family(source=source).verify(task, task.root, answer)
        assert signal < 0.2


@pytest.mark.parametrize("source", ["composed", "stdlib"])
def test_programs_that_compute_nothing_score_nothing(family: Family, source: str) -> None:
    functions = {
        name: function
        for index in range(12)
        for name, function in family(source=source).sample(1, "train", index, 2).context.functions.items()
    }
    for name, function in functions.items():
        context = CodeContext(functions, (name,))
        common = Counter(repr(case.expected) for case in function.cases.examples).most_common(1)[0][0]
        empty = [case.expected for case in (*function.cases.examples, *function.cases.hidden) if not case.arguments[0]]
        guard = f"    if not arguments[0]:\n        return {empty[0]!r}\n" if empty else ""
        for body in (f"{guard}    return {common}", "    return False", "    return None", "    return 0"):
            answer = f"def {name}(*arguments):\n{body}\n"
            task = family(source=source).sample(1, "train", 0, 2)
            assert family(source=source).verify(task, Agent(goal="Write it.", context=context), answer) == 0.0


@pytest.mark.slow
def test_correct_source_that_takes_its_time_scores_in_full(family: Family) -> None:
    task = family(helpers=1).sample(0, "train", 0, 1)
    (target,) = task.context.wanted
    right = reference_source(task.context.functions, [target])
    renamed = right.replace(f"def {target}(", "def right(")
    waits = "    for _ in range(10000000):\n        pass\n    return right(argument)\n"
    slow = f"{renamed}\n\ndef {target}(argument):\n{waits}"
    assert family(helpers=1).verify(task, task.root, slow) == 1.0


def hard_coded(context: CodeContext, name: str) -> str:
    cases = context.functions[name].cases.examples
    table = [(case.arguments, case.expected) for case in cases]
    return (
        f"def {name}(*arguments):\n    for known, result in {table!r}:\n        if known == arguments:\n"
        f"            return result\n    return {cases[0].expected!r}\n"
    )


@pytest.mark.parametrize("value", [None, 3, ["def f(): pass"], {"source": "x"}, True, ""])
def test_what_is_not_source_scores_nothing(family: Family, value: Any) -> None:
    task = family().sample(0, "train", 0, 1)
    assert family().verify(task, task.root, value) == 0.0


def test_of_several_functions_each_counts_the_same(family: Family) -> None:
    task = family(source="stdlib", functions=2).sample(0, "train", 3, 1)
    only_first = reference_source(task.context.functions, task.context.wanted[:1])
    assert family(source="stdlib", functions=2).verify(task, task.root, only_first) == 0.5


@pytest.mark.slow
def test_a_cell_that_tries_hanging_sources_again_and_again_is_told_that_its_time_is_up(sandbox: Sandbox) -> None:
    runtime = make_setup("rao/Code-v0").runtime(sandbox)
    root = runtime.reset(0, 1)
    (name,) = root_functions(runtime)
    hanging = f"source = 'def {name}(*args):\\n    while True:\\n        pass'"
    runtime.act(root, write_cell(f"{hanging}\nfor _ in range(10):\n    print(run_examples(source))"))
    assert "TimeoutError: the tools that this cell called took over 2 seconds" in root.messages[-1]["content"]
    assert root.messages[-1]["content"].count("False") < 5
    runtime.act(root, write_cell("print('the session goes on')"))
    assert root.messages[-1]["content"].startswith("the session goes on")
    runtime.close()


def root_functions(runtime: Runtime[Any]) -> tuple[str, ...]:
    """Return the names of the functions that the root must write."""
    wanted: tuple[str, ...] = runtime.task.context.wanted
    return wanted
