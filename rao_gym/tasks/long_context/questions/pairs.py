"""Pairs: every two people who meet a condition together, scored by F1."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations
from typing import Self

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, as_items, canonical
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds.base import Part, Question, squeeze
from rao_gym.tasks.long_context.questions.aggregate import Filter, Tally


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
