"""The family: questions of all vagueness, tools, delegation by part or days, and users' own mailboxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.actions import write_call
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.email_search import EmailSearch, MailPolicy, write_mailbox
from rao_gym.tasks.email_search.mailbox import GeneratedMailbox
from rao_gym.tasks.email_search.parts import new_share
from rao_gym.tasks.email_search.questions import Question, days_of, parse_question, questions_about
from rao_gym.tools import LAUNCH, ToolError
from rao_gym.tree import ExecutionTree, Node

ID = "rao/EmailSearch-v0"
BOX = GeneratedMailbox("questions", 300)


def play(policy: MailPolicy, difficulty: int, num_tasks: int = 3, **options: Any) -> list[ExecutionTree]:
    built = make_setup(ID, **{"actions": "tools", "recursive": policy.delegates} | options)
    keys = [TaskKey(seed=3, split="test", index=index, difficulty=difficulty) for index in range(num_tasks)]
    return [rollout.tree for rollout in run_rollouts(policy, built, keys) if rollout.tree is not None]


def begin(difficulty: int, **options: Any) -> tuple[Runtime[Any], Node]:
    runtime = make_setup(ID, actions="tools", **options).runtime()
    return runtime, runtime.reset(1, difficulty)


def launch(runtime: Runtime[Any], root: Node, *launches: dict[str, Any]) -> list[Node]:
    """Launch sub-agents at once; return them."""
    runtime.act(root, "".join(write_call(LAUNCH, **arguments) for arguments in launches))
    return root.children


def test_tasks_are_fixed_for_ever() -> None:
    task = EmailSearch().sample(0, "train", 0, 2)
    assert task.content_hash[:16] == "1f7a16b2cfe8f75d"
    assert task.content_hash != EmailSearch().sample(0, "test", 0, 2).content_hash


@given(st.sampled_from([draft for draft in BOX.drafts if draft.value]), st.integers(0, 3))
@settings(deadline=None)
def test_questions_are_read_as_they_are_written_and_fit_their_mail(draft: Any, vagueness: int) -> None:
    asked = list(questions_about(draft, vagueness))
    assert len(asked) == vagueness + 1
    for question in asked:
        assert parse_question(question.render()) == question
        assert question.fits(draft)
        assert draft.value in question.values(BOX, 0, 300)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Find the  door code of the Jade Kiosk audit.", Question(attribute="door code", thing="the Jade Kiosk audit")),
        (
            "the Hotel that Ada wrote about in the second half of 2022",
            Question(attribute="hotel", sender="Ada", period="the second half of 2022"),
        ),
        ("What is the colour of the Jade Kiosk audit?", None),
        ("What is the hotel in Smarch 2022?", None),
        ("What is the hotel of the Jade Kiosk audit? It is the Swan Inn, is it not", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_some_freedom_in_wording_is_read(text: str, question: Question | None) -> None:
    assert parse_question(text) == question


def test_periods_have_real_first_and_last_days() -> None:
    assert days_of("February 2024") == ("2024-02-01", "2024-02-29")
    assert days_of("the second half of 2021") == ("2021-07-01", "2021-12-31")
    assert days_of("May 0000") is None


@pytest.mark.parametrize("difficulty", range(1, 8))
def test_one_answer_is_in_one_mail(difficulty: int) -> None:
    family = EmailSearch()
    for index in range(3):
        task = family.sample(2, "validation", index, difficulty)
        question = parse_question(task.goal)
        assert question is not None
        mailbox = task.context.mailbox
        assert isinstance(mailbox, GeneratedMailbox)
        assert len(mailbox) == family.schedule(difficulty).num_mails
        assert question.values(mailbox, 0, len(mailbox)) == {task.record.answer}
        assert family.verify(task, task.root, task.record.answer) == 1.0
        assert family.verify(task, task.root, None) == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vagueness": 4}, "vagueness must be at most 3, got 4"),
        ({"num_mails": 7}, "num_mails must be at least 8"),
        ({"num_mails": 10**6}, "num_mails must be at most 8,192"),
        ({"mailbox": 7}, "mailbox must be a path, got 7"),
        ({"mailbox": "box.sqlite", "vagueness": 1}, "give no parameters with it"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        EmailSearch(**options)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("search", {"query": ""}, "no words to search for"),
        ("search", {"query": "word " * 10_000}, "the query has 50,000 characters"),
        ("search", {"query": "room", "since": "yesterday"}, "YYYY-MM-DD, such as 2021-07-31, not 'yesterday'"),
        ("search", {"query": "room", "until": "2021-02-30"}, "not '2021-02-30'"),
        ("search", {"query": "room", "until": "9" * 10_000}, r"not '9+\.\.\.'"),
        ("read", {"mail": 64}, "your mails have the numbers 0 to 63, not 64"),
        ("read", {"mail": -1}, "not -1"),
        ("read", {"mail": 10**30}, "the numbers 0 to 63"),
    ],
)
def test_bad_arguments_get_a_reply(name: str, arguments: dict[str, Any], message: str) -> None:
    task = EmailSearch().sample(0, "train", 0, 1)
    with pytest.raises(ToolError, match=message):
        EmailSearch().call_tool(name, task.root, arguments)


def test_what_is_no_text_gets_a_reply() -> None:
    runtime, root = begin(1)
    runtime.act(root, write_call("search", query=None) + write_call("search", query="qqqq"))
    assert "'query' must be str, got NoneType" in root.messages[-1]["content"]
    assert "No mail fits." in root.messages[-1]["content"]


def test_a_child_searches_and_reads_its_own_mails_alone() -> None:
    family = EmailSearch()
    task = family.sample(0, "train", 0, 3)
    goal, inbox = family.delegate("", task.root, {"part": "2/4"})
    child = type(task.root)(goal=goal, context=inbox)
    assert (goal, inbox.span) == (task.goal, (64, 128))
    found = family.call_tool("search", child, {"query": "the"}).shown
    assert found.startswith(("Found 64; the latest 10 are:", "6", "5", "4"))
    assert all(64 <= int(line[1:].split()[0]) < 128 for line in found.splitlines()[1:])
    assert family.call_tool("read", child, {"mail": 64}).shown.startswith("#64\nDay: ")
    with pytest.raises(ToolError, match="the numbers 64 to 127, not 63"):
        family.call_tool("read", child, {"mail": 63})


def test_exactly_one_part_holds_the_answer_and_the_others_know_nothing() -> None:
    runtime, root = begin(4)
    answer = runtime.task.record.answer
    children = launch(runtime, root, *({"part": f"{place}/4"} for place in range(1, 5)))
    assert [child.part for child in children] == [0.25] * 4
    assert {child.goal for child in children} == {root.goal}
    for child in children[:2]:
        runtime.act(child, write_call("finish", answer=answer))
    for child in children[2:]:
        runtime.act(child, write_call("finish", answer=None))
    signals = [child.signal for child in children]
    assert signals in ([1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 0])


def test_days_name_a_part_too() -> None:
    family = EmailSearch()
    task = family.sample(0, "train", 0, 4)
    _, year = family.delegate("", task.root, {"since": "2022-01-01"})
    _, march = family.delegate("", task.root, {"since": "2021-03-01", "until": "2021-03-31"})
    assert all(day.startswith("2022") for day in year.mailbox.days[year.span[0] : year.span[1]])
    assert {day[:7] for day in march.mailbox.days[march.span[0] : march.span[1]]} == {"2021-03"}
    assert march.span[1] <= year.span[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "your own question about all of your mails"),
        ({"since": "2000-01-01"}, "your own question about all of your mails"),
        ({"since": "2030-01-01"}, "you have no mails of these days"),
        ({"since": "2021-12-31", "until": "2021-01-01"}, "you have no mails of these days"),
        ({"since": "May"}, "YYYY-MM-DD"),
        ({"part": "left", "since": "2021-05-01"}, "not by both"),
        ({"part": "some"}, "left, right or k/m"),
        ({"part": "1/1000"}, "you have 64 mails, too few for 1000 parts"),
    ],
)
def test_a_launch_that_names_no_part_is_refused(arguments: dict[str, Any], message: str) -> None:
    task = EmailSearch().sample(0, "train", 0, 1)
    with pytest.raises(LaunchRefusedError, match=message):
        EmailSearch().delegate("", task.root, arguments)


def test_only_the_own_question_about_fewer_mails_is_a_part() -> None:
    runtime, root = begin(3)
    children = launch(
        runtime,
        root,
        {"part": "left"},
        {"part": "1/4"},
        {"goal": f"  {root.goal.rstrip('?')}. ", "part": "2/3"},
        {"goal": "What is the hotel of the Jade Kiosk audit?", "part": "right"},
        {"goal": "Say hello."},
    )
    assert [child.part for child in children] == pytest.approx([0.5, 0, 42 / 256, 0, 0])
    runtime.act(children[3], write_call("finish", answer=None))
    runtime.act(children[4], write_call("finish", answer="hello"))
    assert (children[3].signal, children[4].signal) == (1.0, None)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda ends: (min(ends), max(ends) + 1)), max_size=4)
)
@settings(deadline=None)
def test_shares_of_overlapping_parts_add_up_to_what_they_cover(parts: list[tuple[int, int]]) -> None:
    shares = [new_share(part, (0, 21), parts[:place]) for place, part in enumerate(parts)]
    covered = {mail for first, after in parts for mail in range(first, after)}
    assert sum(shares) == pytest.approx(len(covered) / 21)


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize("written", [False, True])
def test_both_ways_to_delegate_solve_tasks(actions: str, written: bool) -> None:
    for tree in play(MailPolicy(delegates=True, written=written), 3, actions=actions):
        assert [node.signal for node in tree.nodes] == [1.0] * 5
        assert sum(float(child.part or 0) for child in tree.root.children) == pytest.approx(1.0)


@pytest.mark.parametrize("difficulty", [1, 4, 5])
def test_a_single_agent_keeps_up_in_this_easy_case(difficulty: int) -> None:
    for policy in (MailPolicy(delegates=True), MailPolicy(delegates=False)):
        assert [tree.root.signal for tree in play(policy, difficulty)] == [1.0] * 3


def test_lists_that_are_cut_are_read_to_their_end() -> None:
    trees = play(MailPolicy(delegates=False), 1, 4, num_mails=1_024, vagueness=3, window=16_384)
    assert all(tree.root.signal == 1.0 for tree in trees)


def test_questions_about_a_users_own_mailbox(tmp_path: Path) -> None:
    mails = [(f"2024-01-{day:02}", "Ada Bell", f"Day {day}", f"On day {day} the sky was blue.") for day in range(1, 11)]
    asked = [(f"What about day {day}?", f"blue {day}", day - 1) for day in range(1, 11)]
    write_mailbox(tmp_path / "box.sqlite", mails, asked)
    family = EmailSearch(mailbox=tmp_path / "box.sqlite")
    drawn = {
        split: {family.sample(seed, split, index, 1).goal for seed in range(2) for index in range(6)}
        for split in ("train", "validation", "test")
    }
    assert [len(goals) for goals in drawn.values()] == [6, 2, 2]
    assert len(set[str]().union(*drawn.values())) == 10
    task = family.sample(0, "test", 0, 3)
    assert task.record.id.startswith("rao/EmailSearch-v0:mailbox:test:")
    assert family.verify(task, task.root, task.record.answer) == 1.0
    number = int(task.goal.split()[-1].rstrip("?")) - 1
    for part, holds in (("left", number < 5), ("right", number >= 5)):
        goal, inbox = family.delegate("", task.root, {"part": part})
        child = type(task.root)(goal=goal, context=inbox)
        assert family.verify(task, child, task.record.answer) == float(holds)
        assert family.verify(task, child, None) == float(not holds)
        assert family.part_of(task, task.root, child, ()) == 0.5
    other = type(task.root)(goal="Something else.", context=task.context)
    assert family.verify(task, other, "blue") is None


def test_a_split_without_questions_is_named(tmp_path: Path) -> None:
    write_mailbox(tmp_path / "box.sqlite", [("2024-01-01", "Ada", "Hi", "Hello.")], [("Who?", "Ada", 0)])
    family = EmailSearch(mailbox=tmp_path / "box.sqlite")
    with pytest.raises(InvalidValueError, match="holds 1 questions, none of which is in split 'test'"):
        family.sample(0, "test", 0, 1)
