"""Pairs: every two people who meet a condition together, scored by F1."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, as_items, canonical
from rao_gym.tasks.long_context.documents import Facts, Passage
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, Question, squeeze
from rao_gym.tasks.long_context.kinds.records import HIDES, RECORDS, Filter, Tally, num_records_for, write_records
from rao_gym.tasks.long_context.lexicon import CATEGORY_NAMES, PEOPLE
from rao_gym.tasks.long_context.schedule import Schedule

_PEOPLE_PER_COUPLE = 5


@dataclass(frozen=True)
class EqualPairs(Question):
    """All pairs of people with the same number of records, of those who have any.

    Attributes:
        records: Which records count.
    """

    records: Filter

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Which pairs of people have the same number of {self.records.render()} in your lines? "
            "Leave out people who have none. Answer with a list of pairs of names."
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = re.fullmatch(
            r"Which pairs of people have the same number of (.*) in your lines\? "
            r"Leave out people who have none\. Answer with a list of pairs of names\.",
            squeeze(text),
        )
        records = Filter.parse(match[1]) if match else None
        return cls(records) if records else None

    @property
    def part(self) -> Part:
        """The question to ask of parts: two people may be equal only in the whole."""
        return Tally("person", self.records)

    def conclude(self, merged: JSON) -> JSON:
        """Pair the people with equal counts."""
        counts = as_counts(merged)
        present = sorted(person for person, count in counts.items() if count)
        return [[one, other] for one, other in combinations(present, 2) if counts[one] == counts[other]]

    def score(self, value: JSON, passage: Passage) -> float:
        """Return the F1 of the answered pairs; the order of pairs and within pairs is free."""
        answered, expected = _pairs_in(value), _pairs_in(self.truth(passage))
        if not answered and not expected:
            return float(not as_items(value))
        return 2 * len(answered & expected) / (len(answered) + len(expected))


def _pairs_in(value: JSON) -> frozenset[frozenset[Hashable]]:
    """Return the distinct pairs of an answer; what is not a pair counts as a wrong one."""
    items = as_items(value)
    if len(items) == 2 and all(isinstance(item, str) and len(as_items(item)) == 1 for item in items):
        items = [list(items)]  # one pair, given without the list around it
    return frozenset(frozenset(canonical(name) for name in as_items(item)) for item in items)


def draft_pairs(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide records in which a few couples share a count of one category, and everyone else's differ.

    Few pairs among many people keep the F1 of answering with all of them low.
    """
    people = rng.choice(len(PEOPLE), schedule.num_people, replace=False)
    num_couples = max(1, len(people) // _PEOPLE_PER_COUPLE)
    num_records = num_records_for(schedule)
    first_count = 1 + num_records // (4 * len(people))
    distinct = first_count + np.arange(len(people) - num_couples)
    counts = np.concatenate([distinct, rng.choice(distinct, num_couples, replace=False)])
    category = int(rng.integers(0, len(CATEGORY_NAMES)))
    num_others = max(0, num_records - int(counts.sum()))
    other_categories = np.delete(np.arange(len(CATEGORY_NAMES)), category)
    order = rng.permutation(int(counts.sum()) + num_others)
    table, sentences = write_records(
        rng,
        people=np.concatenate([np.repeat(people, counts), rng.choice(people, num_others)])[order],
        categories=np.concatenate([np.full(int(counts.sum()), category), rng.choice(other_categories, num_others)])[
            order
        ],
    )
    question = EqualPairs(Filter(category=CATEGORY_NAMES[category]))
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[question])


PAIRS = Kind(
    name="pairs",
    hides=HIDES,
    wordings=RECORDS,
    questions=(EqualPairs, Tally),
    variants={"": draft_pairs},
)
