"""Records of who did something with some thing on some day, for the kinds that count them.

A record names a thing and never its category, which has to be understood from the everyday word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rao_gym.jsonable import JSON
from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.documents import IntArray, Passage, Table, no_ints
from rao_gym.tasks.long_context.kinds.base import Part, add_counts, squeeze
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.lexicon import CATEGORIES, CATEGORY_NAMES, CATEGORY_OF, PEOPLE
from rao_gym.tasks.long_context.schedule import Schedule

RECORDS = Wordings(
    {"day": r"\d+", "person": r"[A-Z][a-z]+", "thing": r"[a-z]+(?: [a-z]+)*"},
    "On day {day}, {person} bought {thing} at the market.",
    "{person} asked for {thing} on day {day}.",
    "Day {day}: {person} painted a picture of {thing}.",
    "It was on day {day} that {person} wrote about {thing}.",
)

HIDES = "records of who did something with some thing on some day"

DAYS_PER_PERIOD = 10
NUM_PERIODS = 12
NUM_DAYS = DAYS_PER_PERIOD * NUM_PERIODS
_RECORD_CHARS = 46


def period_of(day: int) -> str:
    """Return the name of the ten-day period that a day belongs to, such as ``days 11 to 20``."""
    first = (day - 1) // DAYS_PER_PERIOD * DAYS_PER_PERIOD + 1
    return f"days {first} to {first + DAYS_PER_PERIOD - 1}"


PERIODS = tuple(period_of(1 + DAYS_PER_PERIOD * period) for period in range(NUM_PERIODS))
GROUPS = {"category": CATEGORY_NAMES, "person": PEOPLE, "period": PERIODS}
"""What records can be counted by, and the names of the groups."""

HINTS = {
    "category": f"The categories are {', '.join(CATEGORY_NAMES)}.",
    "person": "",
    "period": "The periods have ten days, from 'days 1 to 10' on.",
}


@dataclass(frozen=True, eq=False)
class RecordTable(Table):
    """Who named what, and when.

    Attributes:
        people: [rows] Indices into `lexicon.PEOPLE`.
        days: [rows] Days, from 1.
        categories: [rows] Indices into `lexicon.CATEGORY_NAMES`.
    """

    people: IntArray = field(default_factory=no_ints)
    days: IntArray = field(default_factory=no_ints)
    categories: IntArray = field(default_factory=no_ints)


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
            f"Answer with an object from {self.by} to number. {HINTS[self.by]}"
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
        counts = np.bincount(groups_of(passage)[self.by][mask_of(passage, self.records)], minlength=len(names))
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count}

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return add_counts(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        counts = Counter(groups[self.by] for groups in read_records(lines) if self.records.accepts(groups))
        return {name: counts[name] for name in GROUPS[self.by] if counts[name]}


def groups_of(passage: Passage) -> dict[str, IntArray]:
    """Return the groups of each record of a passage, as indices into `GROUPS`."""
    table, rows = passage.rows(RecordTable)
    periods = (table.days[rows] - 1) // DAYS_PER_PERIOD
    return {"category": table.categories[rows], "person": table.people[rows], "period": periods}


def mask_of(passage: Passage, records: Filter) -> NDArray[np.bool_]:
    """Tell for each record of a passage whether it counts."""
    groups = groups_of(passage)
    mask = np.ones(len(groups["person"]), dtype=np.bool_)
    for sort, name in (("category", records.category), ("person", records.person), ("period", records.period)):
        if name is not None:
            mask &= groups[sort] == GROUPS[sort].index(name)
    return mask


def num_matching(passage: Passage, records: Filter) -> int:
    """Return how many records of a passage count."""
    return int(mask_of(passage, records).sum())


def read_records(lines: Sequence[str]) -> list[dict[str, str]]:
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


def num_records_for(schedule: Schedule) -> int:
    """Return how many records fill their share of the document."""
    return int(schedule.fact_share * CHARACTERS_PER_TOKEN * schedule.document_tokens) // _RECORD_CHARS


def write_records(rng: np.random.Generator, *, people: IntArray, categories: IntArray) -> tuple[RecordTable, list[str]]:
    """Write a record for each person and category, on a random day, about a random thing of the category.

    Args:
        rng: Draws days, things and wordings.
        people: [records] Indices into `PEOPLE`.
        categories: [records] Indices into `CATEGORY_NAMES`.
    """
    num_records = len(people)
    days = rng.integers(1, NUM_DAYS + 1, num_records)
    num_things = np.array([len(things) for things in CATEGORIES.values()])
    things = rng.integers(0, num_things[categories])
    wordings = RECORDS.draw(num_records, rng)
    by_category = list(CATEGORIES.values())
    sentences = [
        RECORDS.write(which, day=day, person=PEOPLE[person], thing=by_category[category][thing])
        for which, day, person, category, thing in zip(
            wordings, *(column.tolist() for column in (days, people, categories, things)), strict=True
        )
    ]
    return RecordTable(np.arange(num_records), people, days, categories), sentences
