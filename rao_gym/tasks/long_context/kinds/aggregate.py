"""Aggregation: a count, a difference or an extreme of records, of sorts that have to be understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, as_integer, as_items, canonical
from rao_gym.tasks.long_context.documents import Facts, Passage
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, Question, squeeze
from rao_gym.tasks.long_context.kinds.records import (
    HIDES,
    HINTS,
    PERIODS,
    RECORDS,
    Filter,
    Tally,
    num_matching,
    num_records_for,
    read_records,
    write_records,
)
from rao_gym.tasks.long_context.lexicon import CATEGORY_NAMES, PEOPLE
from rao_gym.tasks.long_context.schedule import Schedule

MIN_COUNT = 16
"""Fewest records that a task asks to count: smaller numbers could be guessed."""

_NUM_CANDIDATES = 24


@dataclass(frozen=True)
class CountRecords(Part):
    """How many records there are; the answer is a number.

    Attributes:
        records: Which records count.
    """

    records: Filter
    max_answer_tokens = 5

    def render(self) -> str:
        """Return the question in words."""
        return f"How many {self.records.render()} are in your lines? Answer with a number."

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = re.fullmatch(r"How many (.*) are in your lines\? Answer with a number\.", squeeze(text))
        records = Filter.parse(match[1]) if match else None
        return cls(records) if records else None

    def truth(self, passage: Passage) -> JSON:
        """Return the number in the passage."""
        return num_matching(passage, self.records)

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return _add(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return sum(self.records.accepts(groups) for groups in read_records(lines))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether there are many."""
        return num_matching(passage, self.records) >= MIN_COUNT


@dataclass(frozen=True)
class Difference(Part):
    """How many more records there are of one sort than of another; the answer is a number.

    Attributes:
        more: The records that count.
        less: The records that are subtracted.
    """

    more: Filter
    less: Filter
    max_answer_tokens = 5

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Take the number of {self.more.render()} in your lines and subtract the number of "
            f"{self.less.render()}. Answer with the difference, which may be negative."
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = re.fullmatch(
            r"Take the number of (.*) in your lines and subtract the number of (.*)\. "
            r"Answer with the difference, which may be negative\.",
            squeeze(text),
        )
        more, less = (Filter.parse(match[1]), Filter.parse(match[2])) if match else (None, None)
        return cls(more, less) if more and less else None

    def truth(self, passage: Passage) -> JSON:
        """Return the difference in the passage."""
        return num_matching(passage, self.more) - num_matching(passage, self.less)

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return _add(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return sum(self.more.accepts(groups) - self.less.accepts(groups) for groups in read_records(lines))

    def needs(self, other: Question, passage: Passage) -> bool:
        """Tell whether the other question asks for one of the two numbers, or for the difference."""
        return other in (self, CountRecords(self.more), CountRecords(self.less))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether there are many of both sorts."""
        return all(CountRecords(records).is_well_posed(passage) for records in (self.more, self.less))


@dataclass(frozen=True)
class Extreme(Question):
    """The category, person or period with the most or the fewest records; the answer is its name and number.

    Attributes:
        most: Whether the most is asked for, not the fewest.
        by: What to count by, a key of `GROUPS`.
        records: Which records count.
    """

    most: bool
    by: str
    records: Filter

    def render(self) -> str:
        """Return the question in words."""
        which = "the most" if self.most else "the fewest, but at least one,"
        return (
            f"Which {self.by} has {which} {self.records.render()} in your lines? "
            f"Answer with a list of two: the {self.by} and its number of records. {HINTS[self.by]}"
        ).strip()

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = re.match(
            r"Which (category|person|period) has the (most|fewest, but at least one,) (.*) in your lines\? ",
            squeeze(text),
        )
        records = Filter.parse(match[3]) if match else None
        question = cls(match[2] == "most", match[1], records) if match and records else None
        return question if question and question.render() == squeeze(text) else None

    @property
    def part(self) -> Part:
        """The question to ask of parts: the extreme of the whole may be nowhere extreme."""
        return Tally(self.by, self.records)

    def conclude(self, merged: JSON) -> JSON:
        """Pick the extreme; nothing where there are no records."""
        counts = as_counts(merged)
        if not counts:
            return []
        name = min(counts, key=lambda group: (-counts[group] if self.most else counts[group], group))
        return [name, counts[name]]

    def score(self, value: JSON, passage: Passage) -> float:
        """Accept every name that has the extreme number."""
        counts = as_counts(self.part.truth(passage))
        answered = list(as_items(value))
        if not counts or len(answered) != 2:
            return float(not counts and not answered)
        extreme = max(counts.values()) if self.most else min(counts.values())
        by_form = {canonical(name): count for name, count in counts.items()}
        return float(by_form.get(canonical(answered[0])) == extreme == as_integer(answered[1]))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether there is exactly one extreme, of several groups."""
        counts = sorted(as_counts(self.part.truth(passage)).values(), reverse=self.most)
        return len(counts) > 1 and counts[0] != counts[1]


def _add(answers: Sequence[JSON]) -> int:
    """Add up answers that are numbers; others are left out."""
    return sum(number for answer in answers if (number := as_integer(answer)) is not None)


def draft_aggregate(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide records of everything by everyone, and ask for a count, a difference or an extreme."""
    num_records = num_records_for(schedule)
    people = rng.choice(len(PEOPLE), schedule.num_people, replace=False)
    table, sentences = write_records(
        rng,
        people=rng.choice(people, num_records),
        categories=rng.integers(0, len(CATEGORY_NAMES), num_records),
    )
    names = [PEOPLE[person] for person in people]
    questions = [_draw_question(rng, names) for _ in range(_NUM_CANDIDATES)]
    fallback = CountRecords(Filter(category=str(rng.choice(CATEGORY_NAMES))))
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[*questions, fallback])


def _draw_question(rng: np.random.Generator, people: list[str]) -> Question:
    """Draw a question of a random type."""
    categories = [str(name) for name in rng.permutation(CATEGORY_NAMES)]
    person = people[int(rng.integers(len(people)))] if rng.random() < 0.5 else None
    period = PERIODS[int(rng.integers(len(PERIODS)))] if person is None and rng.random() < 0.5 else None
    most = bool(rng.random() < 0.5)
    match int(rng.integers(5)):
        case 0:
            return CountRecords(Filter(categories[0], person, period))
        case 1:
            return Difference(Filter(categories[0], person, period), Filter(categories[1], person, period))
        case 2:
            return Extreme(most, "category", Filter(None, person, period))
        case 3:
            return Extreme(most, "person", Filter(categories[0], None, period))
        case _:
            return Extreme(most, "period", Filter(categories[0], person, None))


AGGREGATE = Kind(
    name="aggregate",
    hides=HIDES,
    wordings=RECORDS,
    questions=(CountRecords, Difference, Tally, Extreme),
    variants={"": draft_aggregate},
)
