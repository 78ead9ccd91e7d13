"""Questions: they read back from their words, and the truth is what a slow reader of the visible text finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import QUESTION_TYPES, parse_question
from rao_gym.tasks.long_context.kinds.aggregate import CountRecords, Difference, Extreme
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.long_context.kinds.frequency import TopWords, WordCounts, WordTable
from rao_gym.tasks.long_context.kinds.needle import CodesOf, CodeTable, FindCodes
from rao_gym.tasks.long_context.kinds.pairs import EqualPairs
from rao_gym.tasks.long_context.kinds.records import GROUPS, PERIODS, Filter, RecordTable, Tally
from rao_gym.tasks.long_context.kinds.trace import StepTable, TrailEnd, TrailSteps
from rao_gym.tasks.long_context.lexicon import CATEGORIES, CATEGORY_NAMES, CATEGORY_OF, KEYS, PEOPLE, PLACES

KINDS = ("needle", "trace", "frequency", "aggregate", "pairs")
Record = tuple[str, str, str]
"""Category, person and period."""


def maybe(names: Sequence[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(names)


filters = st.builds(Filter, maybe(CATEGORY_NAMES), maybe(PEOPLE), maybe(PERIODS))
groups = st.sampled_from(list(GROUPS))
keys = st.sampled_from(KEYS)
questions_by_type: dict[type[Question], st.SearchStrategy[Question]] = {
    CodesOf: st.builds(CodesOf, keys),
    FindCodes: st.builds(FindCodes, st.lists(keys, min_size=1, max_size=8, unique=True).map(tuple)),
    TrailEnd: st.builds(TrailEnd, st.sampled_from(PLACES)),
    TrailSteps: st.just(TrailSteps()),
    TopWords: st.builds(TopWords, st.integers(1, 20)),
    WordCounts: st.just(WordCounts()),
    CountRecords: st.builds(CountRecords, filters),
    Difference: st.builds(Difference, filters, filters),
    Tally: st.builds(Tally, groups, filters),
    Extreme: st.builds(Extreme, st.booleans(), groups, filters),
    EqualPairs: st.builds(EqualPairs, filters),
}
any_question = st.one_of(*questions_by_type.values())


def test_the_longest_questions_are_read() -> None:
    question = FindCodes(tuple(sorted(KEYS, key=len)[-32:]))
    assert parse_question(question.render()) == question


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


@cache
def sampled(kind: str) -> tuple[LongContext, Task[Passage]]:
    """A task with few people and keys, so that random questions often find something."""
    family = LongContext(kind=kind, num_people=5, num_words=8, num_trails=2, num_hops=6)
    return family, family.sample(3, "test", 0, 2)


def visible_lines(family: LongContext, passage: Passage) -> list[str]:
    """The lines as an agent sees them, through the tool."""
    if passage.start == passage.end:
        return []
    shown = family.call_tool(
        "read", Agent(goal="", context=passage), {"start": passage.start, "end": passage.end}
    ).shown
    return [line.partition(": ")[2] for line in shown.split("\n")]


def slow_codes(lines: Sequence[str]) -> list[tuple[str, int]]:
    found = []
    for line in lines:
        if "access code" in line:
            key = next(key for key in KEYS if key in line)
            found.append((key, int(re.findall(r"\d+", line)[0])))
    return found


def slow_steps(lines: Sequence[str]) -> dict[str, str]:
    steps = {}
    for line in lines:
        places = [word for word in re.findall(r"\w+", line) if word in PLACES]
        if len(places) == 2:
            steps[places[0]] = places[1]
    return steps


def slow_words(lines: Sequence[str]) -> Counter[str]:
    return Counter(
        word for line in lines if line.startswith("Coined words: ") for word in line[14:].rstrip(".").split(" ")
    )


@cache
def slow_record(line: str) -> Record | None:
    people = [person for person in PEOPLE if re.search(rf"\b{person}\b", line)]
    days = re.findall(r"\b[Dd]ay (\d+)\b", line)
    if not people or not days:
        return None
    spaced = f" {line} ".replace(".", " ")
    things = [thing for thing in CATEGORY_OF if f" {thing} " in spaced]
    first = (int(days[0]) - 1) // 10 * 10 + 1
    return CATEGORY_OF[max(things, key=len)], people[0], f"days {first} to {first + 9}"


def slow_records(lines: Sequence[str]) -> list[Record]:
    return [record for line in lines if (record := slow_record(line))]


def groups_of(wanted: Filter) -> tuple[str | None, str | None, str | None]:
    return wanted.category, wanted.person, wanted.period


def chosen(records: Sequence[Record], wanted: Filter) -> list[Record]:
    return [
        record
        for record in records
        if all(name in (None, value) for name, value in zip(groups_of(wanted), record, strict=True))
    ]


def slow_answer(question: Any, lines: Sequence[str]) -> JSON:
    """Answer as a slow and literal reader would."""
    column = {"category": 0, "person": 1, "period": 2}
    match question:
        case CodesOf(key):
            return [code for other, code in slow_codes(lines) if other == key]
        case FindCodes(wanted):
            codes = slow_codes(lines)
            return {key: [code for other, code in codes if other == key] for key in wanted}
        case TrailSteps():
            return dict(slow_steps(lines))
        case TrailEnd(place):
            steps = slow_steps(lines)
            while place in steps:
                place = steps[place]
            return place
        case WordCounts():
            return dict(slow_words(lines))
        case TopWords(number):
            return [word for word, _ in slow_words(lines).most_common(number)]
        case CountRecords(wanted):
            return len(chosen(slow_records(lines), wanted))
        case Difference(more, less):
            return len(chosen(slow_records(lines), more)) - len(chosen(slow_records(lines), less))
        case Tally(by, wanted):
            return dict(Counter(record[column[by]] for record in chosen(slow_records(lines), wanted)))
        case Extreme(most, by, wanted):
            ranked = Counter(record[column[by]] for record in chosen(slow_records(lines), wanted)).most_common()
            return list(ranked[0 if most else -1]) if ranked else []
        case EqualPairs(wanted):
            counts = Counter(record[1] for record in chosen(slow_records(lines), wanted))
            return [[one, other] for one, other in combinations(counts, 2) if counts[one] == counts[other]]
    raise AssertionError(question)


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


@st.composite
def asked_passages(draw: st.DrawFn) -> tuple[LongContext, Task[Passage], Question, Passage]:
    """A random question of any type, asked of a random passage of a document of any kind."""
    family, task = sampled(draw(st.sampled_from(KINDS)))
    start = draw(st.integers(0, task.context.end - 1))
    end = draw(st.integers(start + 1, task.context.end))
    facts = task.context.document.facts
    named = [str(key) for key in facts[CodeTable].keys]
    places = [str(place) for place in facts[StepTable].sources]
    question = draw(any_question)
    if named and isinstance(question, CodesOf):
        question = CodesOf(draw(st.sampled_from(named)))
    if places and isinstance(question, TrailEnd):
        question = TrailEnd(draw(st.sampled_from(places)))
    return family, task, question, Passage(task.context.document, start, end)


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


def test_ties_may_change_places() -> None:
    family, task = sampled("frequency")
    first, last = (int(task.context.document.facts[WordTable].lines[row]) for row in (0, -1))
    passage = next(
        passage
        for passage in (Passage(task.context.document, first, end) for end in range(first + 1, last))
        if len(counts := slow_words(visible_lines(family, passage))) > len(set(counts.values()))
    )
    counts = slow_words(visible_lines(family, passage))
    tied = next([one, other] for one, other in combinations(counts, 2) if counts[one] == counts[other])
    goal = TopWords(len(counts)).render()
    ranked: list[JSON] = [word for word, _ in counts.most_common()]
    assert family.verify(task, Agent(goal=goal, context=passage), ranked) == 1.0
    swapped: list[JSON] = [tied[0] if word == tied[1] else tied[1] if word == tied[0] else word for word in ranked]
    assert swapped != ranked
    assert family.verify(task, Agent(goal=goal, context=passage), swapped) == 1.0


def test_pairs_are_scored_by_f1() -> None:
    family, task = sampled("pairs")
    question = parse_question(task.goal)
    assert question is not None
    pairs: Any = question.truth(task.context)
    assert len(pairs) == 1
    one, other = pairs[0]
    wrong: list[JSON] = [["Zed", "Ana"]]
    assert family.verify(task, task.root, [[other, one]]) == 1.0
    assert family.verify(task, task.root, [one, other]) == 1.0
    assert family.verify(task, task.root, f'[["{one}", "{other}"]]') == 1.0
    assert family.verify(task, task.root, pairs + wrong) == pytest.approx(2 / 3)
    assert family.verify(task, task.root, wrong) == 0.0
    assert family.verify(task, task.root, []) == 0.0


def test_everyday_words_belong_to_one_category() -> None:
    assert len(CATEGORIES) >= 12
    assert all(len(set(things)) >= 40 for things in CATEGORIES.values())
    assert len(CATEGORY_OF) == sum(len(things) for things in CATEGORIES.values())


def test_records_never_name_the_category() -> None:
    _, task = sampled("aggregate")
    rows = task.context.document.facts[RecordTable].lines
    told = " ".join(task.context.document.lines[line] for line in rows)
    assert not any(re.search(rf"\b{category}\b", told) for category in CATEGORY_NAMES)
