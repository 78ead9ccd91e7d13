"""The family: what it samples, what it shows, what it refuses."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.jsonable import JSON
from rao_gym.limits import count_tokens_approximately
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import SPLITS, LaunchRefusedError, Task
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import KINDS, PROSE_KINDS, VARIANT_NAMES, parse_question
from rao_gym.tools import ToolError

PLAY_AND_PRINT = """
import hashlib
from rao_gym.registry import make_setup
from rao_gym.runtime import turn_of
from rao_gym.tasks.long_context.kinds import KINDS

for actions in ("python", "tools"):
    for kind in KINDS:
        family = make_setup("rao/LongContext-v0", kind=kind, actions=actions)
        runtime, policy = family.runtime(), family.family.reference_policy()
        runtime.reset(11, 3, split="test", index=2)
        while not runtime.done:
            nodes = list(runtime.ready)
            for node, action in zip(nodes, policy.act([turn_of(runtime, node) for node in nodes])):
                runtime.act(node, action)
        print(kind, runtime.task.content_hash, hashlib.sha256(runtime.tree.to_json().encode()).hexdigest())
        runtime.close()
"""


@pytest.mark.parametrize("kind", PROSE_KINDS)
@pytest.mark.parametrize("difficulty", [1, 2, 5])
def test_documents_have_the_size_of_their_difficulty(kind: str, difficulty: int) -> None:
    task = LongContext(kind=kind).sample(0, "train", 0, difficulty)
    expected = 1_024 * 2 ** (difficulty - 1)
    tokens = count_tokens_approximately("\n".join(task.context.document.lines))
    assert tokens == task.context.num_tokens
    assert expected - 40 <= tokens <= expected + 1


@pytest.mark.parametrize("kind", PROSE_KINDS)
def test_the_largest_documents_are_complete(kind: str) -> None:
    task = LongContext(kind=kind).sample(0, "train", 0, 12)
    assert 2_097_000 <= task.context.num_tokens <= 2_097_153
    assert task.record.parameters["num_lines"] == len(task.context.document.lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_is_a_function_of_its_four_arguments(kind: str) -> None:
    first, second = (LongContext(kind=kind).sample(5, "test", 3, 2) for _ in range(2))
    assert first.record == second.record
    assert first.context.document.lines == second.context.document.lines


def test_splits_seeds_and_indices_share_no_task() -> None:
    family = LongContext()
    tasks = [family.sample(seed, split, index, 1) for seed in range(4) for split in SPLITS for index in range(25)]
    assert len({task.record.id for task in tasks}) == len(tasks)
    assert len({(task.goal, task.context.text) for task in tasks}) == len(tasks)
    assert len({task.context.text for task in tasks}) == len(tasks)


def test_mixed_draws_every_kind_and_variant() -> None:
    records = [LongContext().sample(0, "train", index, 1).record for index in range(200)]
    assert {record.parameters["kind"] for record in records} == set(PROSE_KINDS)
    assert {record.parameters["variant"] for record in records} == {*VARIANT_NAMES, ""}
    multi_query = [LongContext(variant="multi_query").sample(0, "train", index, 1).record for index in range(40)]
    assert {record.parameters["variant"] for record in multi_query} == {"multi_query", ""}


@pytest.mark.parametrize("kind", PROSE_KINDS)
def test_questions_have_an_answer_that_is_hard_to_guess(kind: str) -> None:
    family = LongContext(kind=kind)
    for index in range(15):
        task = family.sample(1, "validation", index, 4)
        question = parse_question(task.goal)
        assert question is not None
        assert question.render() == task.goal
        assert task.record.answer == question.truth(task.context)
        assert task.record.answer not in ([], {}, None, 0, 1, 2)


def test_two_processes_draw_identical_tasks_and_grow_identical_trees() -> None:
    command = [sys.executable, "-c", PLAY_AND_PRINT]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0] for process in running)
    assert len(first.splitlines()) == 2 * len(KINDS)
    assert first == second


def test_parameters_can_be_set_one_by_one() -> None:
    family = LongContext(kind="needle", variant="multi_query", num_queries=5, num_keys=9, document_tokens=3_000)
    task = family.sample(0, "train", 0, 1)
    assert 2_960 <= task.context.num_tokens <= 3_001
    assert task.record.parameters["num_queries"] == 5
    assert task.record.parameters["num_keys"] == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "needel"}, "Did you mean 'needle'?"),
        ({"kind": "needle", "variant": "multikey"}, "Did you mean 'multi_key'?"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message.replace("?", r"\?")):
        LongContext(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "trace", "variant": "single"},
        {"programmatic": 1},
        {"num_keys": 0},
        {"num_hops": 2.0},
        {"num_people": 1_000},
        {"document_tokens": 10},
        {"fact_share": 1.0},
        {"fact_share": "half"},
        {"num_words": True},
        {"num_pages": 0},
        {"page_letters": 1},
        {"kind": "pages", "text": "prose.txt"},
        {"kind": "pages", "scoring": "oolong"},
        {"questions": "q.jsonl", "kind": "needle"},
        {"questions": "q.jsonl", "num_keys": 3},
    ],
)
def test_values_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as error:
        LongContext(**options)
    assert "\n" not in str(error.value)


def test_a_variant_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="kind 'trace' has no variant 'single', which goes with kind 'needle'"):
        LongContext(kind="trace", variant="single")


def test_unknown_options_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'num_values'"):
        make_setup("rao/LongContext-v0", num_value=3)


def test_facts_that_do_not_fit_are_refused() -> None:
    family = LongContext(kind="needle", variant="multi_key", num_keys=500, document_tokens=300)
    with pytest.raises(InvalidValueError, match="document_tokens=300 cannot hold"):
        family.sample(0, "train", 0, 1)


@pytest.mark.parametrize("actions", ["python", "tools"])
def test_the_system_message_leaves_room_to_read(actions: str) -> None:
    runtime = make_setup("rao/LongContext-v0", actions=actions).runtime()
    root = runtime.reset(0)
    assert count_tokens_approximately(root.messages[0]["content"]) <= 450
    assert runtime.limits.window == 2_048
    runtime.close()


def test_reading_shows_the_lines_of_the_own_passage_only() -> None:
    family = LongContext(kind="needle")
    passage = Passage(family.sample(0, "train", 0, 1).context.document, 5, 9)
    result = family.call_tool("read", Agent(goal="", context=passage), {"start": 6, "end": 8})
    assert result.value is None
    assert result.shown.split("\n") == [f"{number}: {passage.document.lines[number]}" for number in (6, 7)]
    for start, end in ((4, 9), (5, 10), (7, 7), (8, 6), (-1, 6), (5, 10**30)):
        with pytest.raises(ToolError, match="5 <= start < end <= 9"):
            family.call_tool("read", Agent(goal="", context=passage), {"start": start, "end": end})
        with pytest.raises(LaunchRefusedError, match="5 <= start < end <= 9"):
            family.delegate("Read it.", Agent(goal="", context=passage), {"start": start, "end": end})
    goal, child = family.delegate("Read it.", Agent(goal="", context=passage), {"start": 6, "end": 9})
    assert (goal, child.start, child.end) == ("Read it.", 6, 9)


def test_no_variable_holds_the_text_unless_asked_for() -> None:
    task = LongContext(kind="trace").sample(0, "train", 0, 1)
    assert LongContext(kind="trace").variables(task.root) == {}
    programmatic = LongContext(kind="trace", programmatic=True)
    part = Passage(task.context.document, 3, 7)
    assert programmatic.variables(Agent(goal="", context=part)) == {
        "context": "\n".join(task.context.document.lines[3:7])
    }
    assert programmatic.tool_specs() == ()
    assert programmatic.action_forms == ("python",)
    with pytest.raises(InvalidValueError, match="programmatic=True needs the action form python"):
        Runtime(programmatic, actions="tools")


def test_a_cell_computes_on_the_text_when_asked_for() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="needle", variant="single", programmatic=True).runtime()
    root = runtime.reset(4, 8)
    cell = 'import re\nfinish([int(code) for code in re.findall(r"access code.*?([0-9]{7})", context)])'
    runtime.act(root, f"```python\n{cell}\n```")
    assert root.signal == 1.0
    runtime.close()


def test_a_policy_cannot_reach_the_text_from_a_cell() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="needle").runtime()
    root = runtime.reset(0)
    runtime.act(root, "```python\nvalue = read(0, 2)\nprint(value)\nprint(context)\n```")
    reply = root.messages[-1]["content"]
    assert reply.splitlines()[0].startswith("0: ")
    assert "None" in reply.splitlines()
    assert "NameError" in reply
    runtime.close()


@cache
def small_task(kind: str) -> tuple[LongContext, Task[Passage]]:
    family = LongContext(kind=kind)
    return family, family.sample(0, "train", 1, 1)


json_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("kind", KINDS)
@given(value=json_values)
@settings(deadline=None)
def test_any_value_has_a_signal(kind: str, value: JSON) -> None:
    family, task = small_task(kind)
    signal = family.verify(task, task.root, value)
    assert signal is not None
    assert 0.0 <= signal <= 1.0
    assert family.verify(task, task.root, task.record.answer) == 1.0
