"""Questions in words and back, their parts, and what is true of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.questions import MAX_GOAL_CHARS, Question, Thread, parse_question
from rao_gym.tasks.deep_search.relations import RELATIONS
from rao_gym.tasks.deep_search.solutions import solve

ENCYCLOPEDIA = Encyclopedia("questions", 60)
BAKER = next(each for each in ENCYCLOPEDIA.entities if each.sort == "person")

starts = st.sampled_from([name for each in ENCYCLOPEDIA.entities for name in (each.title, each.mention, each.alias)])
relations = st.lists(st.sampled_from(sorted(RELATIONS)), min_size=1, max_size=4).map(tuple)
questions = st.builds(
    lambda first, rest: Question((first, *rest)),
    st.builds(Thread, starts, relations),
    st.lists(st.builds(Thread, starts | st.just(""), relations), max_size=4).map(tuple),
)


@given(questions)
@settings(deadline=None)
def test_questions_are_read_as_they_are_written(question: Question) -> None:
    assert parse_question(question.render()) == question


@given(questions, st.data())
@settings(deadline=None)
def test_the_pieces_of_a_question_are_its_work_in_order(question: Question, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, question.num_units))
    if not 0 < middle < question.num_units:
        return
    left = question.piece(0, middle, "")
    right = question.piece(middle, question.num_units, "the given")
    assert left.threads[0].start == question.threads[0].start
    assert (right.threads[0].start == "the given") == question.continues(middle)
    followed = [thread.relations for piece in (left, right) for thread in piece.threads]
    assert sum(followed, ()) == sum((thread.relations for thread in question.threads), ())


@given(questions, st.data())
@settings(deadline=None)
def test_answers_to_pieces_are_the_answers_to_the_whole(question: Question, data: st.DataObject) -> None:
    whole = solve(question, ENCYCLOPEDIA)
    assert whole is not None
    if question.num_units == 1:
        return
    middle = data.draw(st.integers(1, question.num_units - 1))
    left = solve(question.piece(0, middle, ""), ENCYCLOPEDIA)
    assert left is not None
    last = left.values[-1]
    if last is None or isinstance(last, int):
        return
    right = solve(question.piece(middle, question.num_units, last.title), ENCYCLOPEDIA)
    assert right is not None
    assert right.values[-1] == whole.values[-1]
    assert left.facts | right.facts == whole.facts


@pytest.mark.parametrize(
    "text",
    [
        "What is the teacher of the mayor of {start}?",
        "who was the teacher of the mayor of {start}",
        "Find the teacher of the mayor of {start}.",
        "  The teacher of\n the mayor of {start} ",
        "tell me teacher of mayor of {start}?",
    ],
)
def test_some_freedom_in_wording_is_read(text: str) -> None:
    expected = Question((Thread(BAKER.mention, ("mayor", "teacher")),))
    assert parse_question(text.format(start=BAKER.mention).replace("\n", "")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is {start}?",
        "What is the cousin of {start}?",
        "What is the teacher of ?",
        "What is the teacher of [answer 1]?",
        "1. What is the teacher of {start}?\n3. What is the mayor of {start}?",
        "1. What is the teacher of {start}?\n2. What is the mayor of [answer 2]?",
        "1. What is the teacher of {start}?\nThe answer is Ida.",
        "What is the teacher of " + "x" * 500,
        "What is " + "the teacher of " * MAX_GOAL_CHARS + "{start}?",
    ],
)
def test_other_texts_are_no_questions(text: str) -> None:
    assert parse_question(text.format(start=BAKER.mention)) is None


def ask(text: str) -> Question:
    question = parse_question(text)
    assert question is not None
    return question


def test_an_answer_may_be_any_of_the_entitys_own_names() -> None:
    solution = solve(ask(f"What is the birthplace of {BAKER.title}?"), ENCYCLOPEDIA)
    assert solution is not None
    town = ENCYCLOPEDIA.entities[ENCYCLOPEDIA.facts[BAKER.number, "birthplace"]]
    right: list[JSON] = [
        town.title,
        town.mention,
        town.alias.removeprefix("the "),
        f' "{town.title.upper()}." ',
        [town.title],
    ]
    for answer in right:
        assert solution.is_answered_by(answer)
    wrong: list[JSON] = [town.name, BAKER.title, "", None, 7, [], [town.title] * 2, {"answer": town.title}, "unknown"]
    for answer in wrong:
        assert not solution.is_answered_by(answer)


def test_several_answers_must_all_be_right_and_in_order() -> None:
    first, second = "the birthplace of", "the year of birth of"
    solution = solve(ask(f"1. What is {first} {BAKER.alias}?\n2. What is {second} {BAKER.alias}?"), ENCYCLOPEDIA)
    assert solution is not None
    town, year = solution.answer if isinstance(solution.answer, list) else []
    assert solution.is_answered_by([town, year])
    assert solution.is_answered_by(f"{town}; {year}")
    assert solution.is_answered_by([town, str(year)])
    for wrong in ([year, town], [town], [town, year, year], town, [town, "unknown"]):
        assert not solution.is_answered_by(wrong)


@pytest.mark.parametrize(
    "text", ["the mayor of {person}", "the teacher of the year of birth of {person}", "the mayor of Nowhere"]
)
def test_what_the_encyclopedia_does_not_tell_is_unknown(text: str) -> None:
    solution = solve(ask(text.format(person=BAKER.title)), ENCYCLOPEDIA)
    assert solution is not None
    assert solution.is_answered_by("unknown")
    assert not solution.is_answered_by(BAKER.title)


def test_nothing_is_true_of_a_name_that_several_share() -> None:
    names = [each.name for each in ENCYCLOPEDIA.entities]
    shared = next(name for name in names if names.count(name) > 1)
    assert solve(ask(f"What is the mayor of {shared}?"), ENCYCLOPEDIA) is None
