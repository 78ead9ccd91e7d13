"""Aggregation: counts over records whose category has to be understood from everyday words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, as_integer, as_items, canonical
from rao_gym.tasks.long_context.documents import IntArray, Passage, RecordTable
from rao_gym.tasks.long_context.facts import DAYS_PER_PERIOD, NUM_PERIODS, RECORDS, period_of
from rao_gym.tasks.long_context.kinds.base import Part, Question, add_counts, squeeze
from rao_gym.tasks.long_context.lexicon import CATEGORY_NAMES, CATEGORY_OF, PEOPLE

PERIODS = tuple(period_of(1 + DAYS_PER_PERIOD * period) for period in range(NUM_PERIODS))
GROUPS = {"category": CATEGORY_NAMES, "person": PEOPLE, "period": PERIODS}
"""What records can be counted by, and the names of the groups."""

MIN_COUNT = 16
"""Fewest records that a task asks to count: smaller numbers could be guessed."""

_HINTS = {
    "category": f"The categories are {', '.join(CATEGORY_NAMES)}.",
    "person": "",
    "period": "The periods have ten days, from 'days 1 to 10' on.",
}


@dataclass(frozen=True)
class Filter:
    """Which records count; None means all.

    Attributes:
        category: Records that name something of this category.
        person: Records about this person.
        period: Records of this period, such as ``days 11 to 20``.
    """

    category: str | None = None
    person: str | None = None
    period: str | None = None

    def render(self) -> str:
        """Return the records in words."""
        parts = (("of", self.category), ("by", self.person), ("from", self.period))
        return " ".join(["records", *(f"{word} {name}" for word, name in parts if name is not None)])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the words back."""
        match = _FILTER.fullmatch(text)
        return cls(match["category"], match["person"], match["period"]) if match else None

    def accepts(self, groups: dict[str, str]) -> bool:
        """Tell whether a record, given by its group of each sort, counts."""
        wanted = {"category": self.category, "person": self.person, "period": self.period}
        return all(name is None or groups[sort] == name for sort, name in wanted.items())


_FILTER = re.compile(
    rf"records(?: of (?P<category>{'|'.join(CATEGORY_NAMES)}))?"
    rf"(?: by (?P<person>{'|'.join(PEOPLE)}))?(?: from (?P<period>{'|'.join(PERIODS)}))?"
)


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
        return int(_mask(passage, self.records).sum())

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return _add(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return sum(self.records.accepts(groups) for groups in _read_records(lines))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether there are many."""
        return int(_mask(passage, self.records).sum()) >= MIN_COUNT


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
        return int(_mask(passage, self.more).sum()) - int(_mask(passage, self.less).sum())

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return _add(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return sum(self.more.accepts(groups) - self.less.accepts(groups) for groups in _read_records(lines))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether there are many of both sorts."""
        return all(CountRecords(records).is_well_posed(passage) for records in (self.more, self.less))


@dataclass(frozen=True)
class Tally(Part):
    """How many records each category, person or period has; the answer is an object from name to number.

    Attributes:
        by: What to count by, a key of `GROUPS`.
        records: Which records count.
    """

    by: str
    records: Filter

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Count the {self.records.render()} in your lines for each {self.by}. "
            f"Answer with an object from {self.by} to number. {_HINTS[self.by]}"
        ).strip()

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = re.match(r"Count the (.*) in your lines for each (category|person|period)\. ", squeeze(text))
        records = Filter.parse(match[1]) if match else None
        question = cls(match[2], records) if match and records else None
        return question if question and question.render() == squeeze(text) else None

    def truth(self, passage: Passage) -> JSON:
        """Return the counts in the passage."""
        names = GROUPS[self.by]
        counts = np.bincount(_groups(passage)[self.by][_mask(passage, self.records)], minlength=len(names))
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count}

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return add_counts(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        counts = Counter(groups[self.by] for groups in _read_records(lines) if self.records.accepts(groups))
        return {name: counts[name] for name in GROUPS[self.by] if counts[name]}


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
            f"Answer with a list of two: the {self.by} and its number of records. {_HINTS[self.by]}"
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


def _groups(passage: Passage) -> dict[str, IntArray]:
    """Return the groups of each record of a passage, as indices into `GROUPS`."""
    table, rows = passage.rows(RecordTable)
    periods = (table.days[rows] - 1) // DAYS_PER_PERIOD
    return {"category": table.categories[rows], "person": table.people[rows], "period": periods}


def _mask(passage: Passage, records: Filter) -> NDArray[np.bool_]:
    """Tell for each record of a passage whether it counts."""
    groups = _groups(passage)
    mask = np.ones(len(groups["person"]), dtype=np.bool_)
    for sort, name in (("category", records.category), ("person", records.person), ("period", records.period)):
        if name is not None:
            mask &= groups[sort] == GROUPS[sort].index(name)
    return mask


def _read_records(lines: Sequence[str]) -> list[dict[str, str]]:
    """Return the groups of each record that lines tell, by their names."""
    found = (RECORDS.read(line) for line in lines)
    return [
        {
            "category": CATEGORY_OF.get(fact["thing"], ""),
            "person": fact["person"],
            "period": period_of(int(fact["day"])),
        }
        for fact in found
        if fact
    ]


def _add(answers: Sequence[JSON]) -> int:
    """Add up answers that are numbers; others are left out."""
    return sum(number for answer in answers if (number := as_integer(answer)) is not None)
