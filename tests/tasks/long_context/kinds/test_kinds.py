"""What holds for every kind: questions read back, and the truth is what a slow reader of the visible text finds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_reader import any_question, asked_passages, questions_by_type, sampled, slow_answer, visible_lines

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import KINDS, PROSE_KINDS, QUESTION_TYPES, is_fact, parse_question
from rao_gym.tasks.long_context.kinds.base import Question


def test_every_type_is_tested() -> None:
    assert set(questions_by_type) == set(QUESTION_TYPES)


@given(any_question)
@settings(deadline=None)
def test_questions_read_back_from_their_words(question: Question) -> None:
    assert parse_question(question.render()) == question
    assert parse_question("  " + question.render().replace(" ", "\n ") + "\n") == question


@given(any_question)
@settings(deadline=None)
def test_a_part_is_its_own_part(question: Question) -> None:
    assert question.part.part == question.part
    assert parse_question(question.part.render()) == question.part


@given(any_question, st.integers(0, 200))
@settings(deadline=None)
def test_other_words_are_not_questions(question: Question, position: int) -> None:
    text = question.render()
    cut = position % len(text)
    assert parse_question(text[:cut]) is None
    assert parse_question(text + " Please hurry.") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is the answer?",
        "Find 'x'. " * 10_000,
        "Take the number of " + " in your lines and subtract the number of " * 50_000,
        "\ud800",
        "records of",
    ],
)
def test_goals_in_other_words_are_unknown(text: str) -> None:
    assert parse_question(text) is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_sentence_that_is_hidden_reads_like_a_fact_of_its_kind(kind: str) -> None:
    _, task = sampled(kind)
    told = [line for line in task.context.document.lines if KINDS[kind].wordings.read(line)]
    tables = task.context.document.facts.tables.values()
    assert {task.context.document.lines[line] for table in tables for line in table.lines} == set(told)
    assert [line for line in task.context.document.lines if is_fact(line)] == (told if KINDS[kind].prose else [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_asks_a_question_of_its_kind(kind: str) -> None:
    for index in range(10):
        question = parse_question(LongContext(kind=kind).sample(0, "train", index, 2).goal)
        assert isinstance(question, KINDS[kind].questions)
        assert isinstance(question.part, KINDS[kind].questions)


@pytest.mark.parametrize("kind", PROSE_KINDS)
def test_the_rules_say_what_is_hidden(kind: str) -> None:
    assert KINDS[kind].hides in LongContext().rules(recursive=True)


def near_misses(answer: JSON) -> list[JSON]:
    """Answers that are almost the given one."""
    if isinstance(answer, int):
        return [answer + 1, answer - 1, [answer, answer + 1], "unknown"]
    if isinstance(answer, str):
        return [answer + "s", answer[:-1], [answer, answer], None]
    if isinstance(answer, list):
        return [answer[1:], [*answer, "Zed"], [*answer[:-1], "Zed"]] if answer else ["Zed", 7]
    assert isinstance(answer, dict)
    present = {key: item for key, item in answer.items() if item}
    changed: list[JSON] = [{**present, key: 1_000_001} for key in present]
    dropped: list[JSON] = [{other: item for other, item in present.items() if other != key} for key in present]
    return [*changed, *dropped, {**present, "Zed": 1}]


@given(asked_passages())
@settings(max_examples=300, deadline=None)
def test_truth_is_what_a_slow_reader_finds(asked: tuple[LongContext, Task[Passage], Question, Passage]) -> None:
    family, task, question, passage = asked
    answer = slow_answer(question, visible_lines(family, passage))
    assert family.verify(task, Agent(goal=question.render(), context=passage), answer) == 1.0
    assert family.verify(task, Agent(goal=question.render(), context=passage), question.truth(passage)) == 1.0


@given(asked_passages())
@settings(max_examples=150, deadline=None)
def test_near_misses_are_rejected(asked: tuple[LongContext, Task[Passage], Question, Passage]) -> None:
    family, task, question, passage = asked
    answer = slow_answer(question, visible_lines(family, passage))
    for miss in near_misses(answer):
        signal = family.verify(task, Agent(goal=question.render(), context=passage), miss)
        assert signal is not None
        assert signal < 1.0, miss


@given(asked_passages(), st.lists(st.integers(0, 1_000), max_size=4))
@settings(max_examples=150, deadline=None)
def test_parts_merge_into_the_whole(
    asked: tuple[LongContext, Task[Passage], Question, Passage], cuts: list[int]
) -> None:
    family, task, question, passage = asked
    size = passage.end - passage.start
    bounds = sorted({passage.start, passage.end, *(passage.start + cut % size for cut in cuts)})
    pieces = [Passage(passage.document, start, end) for start, end in pairwise(bounds)]
    by_truth = question.part.merge([question.part.truth(piece) for piece in pieces])
    by_reading = question.part.merge([question.part.read(visible_lines(family, piece)) for piece in pieces])
    for merged in (by_truth, by_reading):
        assert family.verify(task, Agent(goal=question.part.render(), context=passage), merged) == 1.0
        assert family.verify(task, Agent(goal=question.render(), context=passage), question.conclude(merged)) == 1.0


@given(asked_passages(), st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_merging_leaves_out_what_is_no_answer(
    asked: tuple[LongContext, Task[Passage], Question, Passage], junk: str
) -> None:
    family, task, question, passage = asked
    answers: list[JSON] = [question.part.truth(passage), "Subagent failed: out_of_turns", None, [], {}]
    assert family.verify(task, Agent(goal=question.part.render(), context=passage), question.part.merge(answers)) == 1.0
    hostile: list[JSON] = [junk, True, 1e300, [[[]]], {"a": {"b": [junk]}}, {"a": None}, [junk, {junk: junk}]]
    question.conclude(question.part.merge(hostile))
    for value in hostile:
        signal = family.verify(task, Agent(goal=question.render(), context=passage), value)
        assert signal is not None
        assert 0.0 <= signal <= 1.0
