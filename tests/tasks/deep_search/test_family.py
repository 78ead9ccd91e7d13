"""The family: tasks, tools, delegation by part, verification of parts, and the two regimes of `chained`."""

from __future__ import annotations

from typing import Any

import pytest

from rao_gym.actions import write_call, write_cell
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.deep_search import DeepSearch, SearchPolicy
from rao_gym.tasks.deep_search.questions import parse_question
from rao_gym.tools import LAUNCH, ToolError
from rao_gym.tree import ExecutionTree, Node

ID = "rao/DeepSearch-v0"


def play(policy: SearchPolicy, difficulty: int, num_tasks: int = 2, **options: Any) -> list[ExecutionTree]:
    built = make_setup(ID, **{"actions": "tools", "recursive": policy.delegates} | options)
    keys = [TaskKey(seed=3, split="test", index=index, difficulty=difficulty) for index in range(num_tasks)]
    return [rollout.tree for rollout in run_rollouts(policy, built, keys) if rollout.tree is not None]


def begin(difficulty: int, sandbox: Sandbox | None = None, **options: Any) -> tuple[Runtime[Any], Node]:
    runtime = make_setup(ID, **{"actions": "tools"} | options).runtime(sandbox)
    return runtime, runtime.reset(1, difficulty)


def launch(runtime: Runtime[Any], root: Node, *launches: dict[str, Any]) -> list[Node]:
    """Launch sub-agents at once; return them."""
    before = len(root.children)
    runtime.act(root, "".join(write_call(LAUNCH, **arguments) for arguments in launches))
    return root.children[before:]


def refusal(runtime: Runtime[Any], root: Node, **arguments: Any) -> str:
    """Return the reply to a launch that is refused."""
    assert launch(runtime, root, arguments) == []
    return root.messages[-1]["content"]


def test_tasks_are_fixed_for_ever() -> None:
    task = DeepSearch().sample(0, "train", 0, 2)
    assert task.content_hash[:16] == "f087ee0844641b5c"
    assert task.content_hash != DeepSearch().sample(0, "test", 0, 2).content_hash


@pytest.mark.parametrize(("chained", "num_linked"), [(0, 0), (0.5, 3), (1, 6)])
def test_chained_is_the_share_of_questions_that_begin_with_an_earlier_answer(chained: float, num_linked: int) -> None:
    task = DeepSearch(chained=chained).sample(0, "train", 0, 8)
    assert task.goal.count("[answer") == num_linked
    assert parse_question(task.goal) == task.context.question
    assert len(task.context.facts) == 7 * 4


@pytest.mark.parametrize("difficulty", [1, 2, 3, 7, 20, 1_000])
def test_threads_share_no_fact_at_any_difficulty(difficulty: int) -> None:
    for index in range(3):
        task = DeepSearch().sample(5, "train", index, difficulty)
        schedule = DeepSearch().schedule(difficulty)
        assert len(task.context.facts) == schedule.num_questions * schedule.num_hops
        assert DeepSearch().verify(task, task.root, task.record.answer) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chained": 1.5}, "chained must be a number from 0 to 1, got 1.5"),
        ({"chained": "no"}, "chained must be a number from 0 to 1, got 'no'"),
        ({"num_hops": 0}, "num_hops must be at least 1"),
        ({"num_questions": 21}, "num_questions must be at most 20, got 21"),
        ({"num_pages": 5}, "num_pages must be at least 20"),
        ({"num_questions": 10}, "num_pages=40 is too few for 10 questions of 2 hops; the smallest that fits is 60"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        DeepSearch(**options)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("search", {"query": ""}, "no words to search for"),
        ("search", {"query": "word " * 10_000}, "the query has 50,000 characters, at most 1,000"),
        ("open", {"page": "Nowhere"}, "no page has the title 'Nowhere'"),
        ("open", {"page": "x" * 100_000}, r"no page has the title 'x+\.\.\.'. Search for it."),
        ("open", {"page": "\ud800"}, "no page has the title"),
    ],
)
def test_bad_arguments_get_a_reply(name: str, arguments: dict[str, Any], message: str) -> None:
    task = DeepSearch().sample(0, "train", 0, 1)
    with pytest.raises(ToolError, match=message):
        DeepSearch().call_tool(name, task.root, arguments)


def test_what_is_no_text_gets_a_reply_in_either_form(sandbox: Sandbox) -> None:
    runtime, root = begin(1)
    runtime.act(root, write_call("search", query=["a", "list"]) + write_call("search", query="qqqq"))
    assert "'query' must be str, got list" in root.messages[-1]["content"]
    assert "No page has any of these words." in root.messages[-1]["content"]
    runtime, root = begin(1, sandbox, actions="python")
    runtime.act(root, write_cell("search(7)"))
    assert "'query' must be str, got int" in root.messages[-1]["content"]


def test_an_unknown_title_is_answered_with_the_nearest() -> None:
    task = DeepSearch().sample(0, "train", 0, 1)
    title = task.context.encyclopedia.entities[0].title
    with pytest.raises(ToolError, match="Did you mean"):
        DeepSearch().call_tool("open", task.root, {"page": title[:-2]})
    assert DeepSearch().call_tool("open", task.root, {"page": title.upper()}).shown.startswith(title)


def test_pages_are_shown_and_never_returned_to_a_cell(sandbox: Sandbox) -> None:
    runtime, root = begin(1, sandbox, actions="python")
    title = runtime.task.context.encyclopedia.entities[0].title
    runtime.act(root, write_cell(f"value = open({title!r})\nprint(value)"))
    reply = root.messages[-1]["content"]
    assert reply.startswith(title)
    assert reply.endswith("None")


def test_named_parts_are_the_agents_own_questions_and_verified() -> None:
    runtime, root = begin(8, chained=0)
    answers = runtime.task.record.answer
    assert isinstance(answers, list)
    child, single = launch(runtime, root, {"part": "2/3"}, {"question": 7})
    lines = root.goal.splitlines()
    assert [line.partition(". ")[2] for line in child.goal.splitlines()[1:]] == [
        line.partition(". ")[2] for line in lines[3:5]
    ]
    assert child.part == pytest.approx(2 / 7)
    runtime.act(child, write_call("finish", answer=answers[2:4]))
    assert child.signal == 1.0
    assert single.goal == lines[7].partition(". ")[2]
    runtime.act(single, write_call("finish", answer=answers[0]))
    assert single.signal == 0.0


def test_a_part_that_continues_an_answer_needs_it() -> None:
    runtime, root = begin(8, chained=1)
    answers: Any = runtime.task.record.answer
    assert "question 3 begins with the answer to question 2" in refusal(runtime, root, question=3)
    assert "no page is about 'Atlantis'" in refusal(runtime, root, question=3, given="Atlantis")
    assert "says what it begins with" in refusal(runtime, root, question=1, given=answers[0])
    needed, other = launch(runtime, root, {"question": 3, "given": answers[1]}, {"question": 3, "given": answers[0]})
    assert [needed.part, other.part] == pytest.approx([1 / 7, 0.0])
    runtime.act(needed, write_call("finish", answer=answers[2]))
    runtime.act(other, write_call("finish", answer=answers[2]))
    assert (needed.signal, other.signal) == (1.0, 0.0)


def test_the_steps_of_a_single_question_are_its_parts() -> None:
    runtime, root = begin(1, num_hops=3, chained=0)
    assert "you have a single question" in refusal(runtime, root, question=1)
    assert "step 2 begins with the answer to step 1" in refusal(runtime, root, part="2/3")
    [left] = launch(runtime, root, {"part": "1/3"})
    assert left.part == pytest.approx(1 / 3)
    assert len(runtime.task.context.facts) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "question is missing, or part"),
        ({"given": "the Old Oak"}, "question is missing, or part"),
        ({"question": 0}, "you have questions 1 to 4, not 0"),
        ({"question": 10**30}, "you have questions 1 to 4"),
        ({"question": 1, "part": "left"}, "a question or a part, not both"),
        ({"part": "middle"}, "part must be left, right or k/m"),
        ({"part": "1/9"}, "you have 4 questions, too few for 9 parts"),
        ({"goal": "Find it.", "part": "left"}, "write out a goal, or name"),
    ],
)
def test_a_launch_that_names_no_part_is_refused(arguments: dict[str, Any], message: str) -> None:
    runtime, root = begin(4, chained=0)
    assert message in refusal(runtime, root, **arguments)


def test_goals_in_the_familys_words_are_verified_and_others_unknown() -> None:
    family = DeepSearch()
    task = family.sample(2, "train", 0, 4)
    entity = task.context.encyclopedia.entities[0]
    year = task.context.encyclopedia.facts[0, "year of birth"]
    goal, context = family.delegate(f"Find the year of birth of {entity.mention}", task.root, {})
    child = type(task.root)(goal=goal, context=context)
    assert (family.verify(task, child, year), family.verify(task, child, year + 1)) == (1.0, 0.0)
    goal, context = family.delegate("Say hello.", task.root, {})
    child = type(task.root)(goal=goal, context=context)
    assert family.verify(task, child, "hello") is None
    assert family.part_of(task, task.root, child, ()) == 0.0


def test_all_of_the_own_work_is_refused_in_any_disguise() -> None:
    family = DeepSearch()
    task = family.sample(2, "train", 1, 3)
    more = f"{task.goal}\n4. What is the seat of {task.context.encyclopedia.entities[17].title}?"
    for goal in (task.goal, f"  {task.goal} ", more, task.goal.partition("\n")[2]):
        with pytest.raises(LaunchRefusedError, match="all of your own question"):
            family.delegate(goal, task.root, {})


def test_work_that_siblings_were_given_counts_once() -> None:
    runtime, root = begin(4, chained=0)
    named: list[dict[str, Any]] = [{"part": "left"}, *({"question": number} for number in (2, 3, 3, 4))]
    assert [child.part for child in launch(runtime, root, *named)] == [0.5, 0.0, 0.25, 0.0, 0.25]


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize("written", [False, True])
def test_both_ways_to_delegate_solve_tasks(actions: str, written: bool) -> None:
    for tree in play(SearchPolicy(delegates=True, written=written), 4, actions=actions):
        assert [node.signal for node in tree.nodes] == [1.0] * 5
        assert sum(float(child.part or 0) for child in tree.root.children) == pytest.approx(1.0)


def test_long_questions_are_split_into_their_steps() -> None:
    [tree] = play(SearchPolicy(delegates=True), 1, 1, num_questions=1, num_hops=8, num_pages=100)
    assert tree.root.signal == 1.0
    assert [child.arguments["part"] for child in tree.root.children] == ["left", "right"]


def test_independent_questions_run_in_parallel_and_chained_ones_do_not() -> None:
    for chained, least, most in ((0, 0.0, 0.4), (1, 0.8, 1.0)):
        trees = play(SearchPolicy(delegates=True), 8, chained=chained)
        assert all(tree.root.signal == 1.0 for tree in trees)
        share = sum(tree.critical_path() for tree in trees) / sum(tree.turns for tree in trees)
        assert least <= share <= most


def test_a_single_agent_falls_behind_with_difficulty() -> None:
    easy, hard = (play(SearchPolicy(delegates=False), difficulty) for difficulty in (1, 4))
    assert [tree.root.signal for tree in easy] == [1.0, 1.0]
    assert [tree.root.signal for tree in hard] == [0.0, 0.0]
    assert all(len(tree) == 1 for tree in hard)
