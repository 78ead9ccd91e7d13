"""Random questions about LongContext's documents, and a slow and literal reader who answers them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import KINDS
from rao_gym.tasks.long_context.kinds.aggregate import CountRecords, Difference, Extreme
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.long_context.kinds.frequency import TopWords, WordCounts
from rao_gym.tasks.long_context.kinds.needle import CodesOf, CodeTable, FindCodes
from rao_gym.tasks.long_context.kinds.pages import HiddenDigit
from rao_gym.tasks.long_context.kinds.pairs import EqualPairs
from rao_gym.tasks.long_context.kinds.records import GROUPS, PERIODS, Filter, Tally
from rao_gym.tasks.long_context.kinds.trace import StepTable, TrailEnd, TrailSteps
from rao_gym.tasks.long_context.lexicon import CATEGORY_NAMES, CATEGORY_OF, KEYS, PEOPLE, PLACES

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
    HiddenDigit: st.just(HiddenDigit()),
}
any_question = st.one_of(*questions_by_type.values())


@cache
def sampled(kind: str) -> tuple[LongContext, Task[Passage]]:
    """A task with few people and keys, so that random questions often find something."""
    family = LongContext(kind=kind, num_people=5, num_words=8, num_trails=2, num_hops=6, num_pages=20)
    return family, family.sample(3, "test", 0, 2)


def visible_lines(family: LongContext, passage: Passage) -> list[str]:
    """The lines as an agent sees them, through the tool."""
    if passage.start == passage.end:
        return []
    shown = family.call_tool(
        "read", Agent(goal="", context=passage), {"start": passage.start, "end": passage.end}
    ).shown
    numbered = any(parameter.name == "start" for spec in family.tool_specs() for parameter in spec.parameters)
    return [line.partition(": ")[2] if numbered else line for line in shown.split("\n")]


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


def slow_digit(lines: Sequence[str]) -> JSON:
    pages = [line for line in lines if set(line[1::2]) == {"-"} and len(line) > 2]
    digits = [int(letter) for page in pages for letter in page if letter.isdigit()]
    return digits[0] if digits else []


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
        case HiddenDigit():
            return slow_digit(lines)
    raise AssertionError(question)


@st.composite
def asked_passages(draw: st.DrawFn) -> tuple[LongContext, Task[Passage], Question, Passage]:
    """A random question of any type, asked of a random passage of a document of any kind."""
    family, task = sampled(draw(st.sampled_from(list(KINDS))))
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
