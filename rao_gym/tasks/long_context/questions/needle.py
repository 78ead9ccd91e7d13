"""Needles: access codes hidden in prose, found by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_integer, as_items, as_object, canonical, same_items
from rao_gym.tasks.long_context.documents import CodeTable, Passage
from rao_gym.tasks.long_context.facts import CODES
from rao_gym.tasks.long_context.questions.base import Part, squeeze


@dataclass(frozen=True)
class CodesOf(Part):
    """All access codes of one key; the answer is a list in any order.

    Attributes:
        key: What the codes open.
    """

    key: str

    def render(self) -> str:
        """Return the question in words."""
        return f"What are all the access codes of the {self.key} in your lines? Answer with a list of numbers."

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = _CODES_OF.fullmatch(squeeze(text))
        return cls(match["key"]) if match else None

    def truth(self, passage: Passage) -> JSON:
        """Return the codes in the passage."""
        return [code for key, code in _codes_in(passage) if key == self.key]

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Join the lists."""
        return _distinct(item for answer in answers for item in as_items(answer))

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return [code for key, code in _read_codes(lines) if key == self.key]

    def score(self, value: JSON, passage: Passage) -> float:
        """Compare in any order."""
        return float(same_items(value, self.truth(passage)))


@dataclass(frozen=True)
class FindCodes(Part):
    """The access codes of several keys; the answer is an object from each key to the list of its codes.

    Attributes:
        keys: What the codes open.
    """

    keys: tuple[str, ...]

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Find the access codes of these in your lines: {', '.join(self.keys)}. "
            "Answer with an object from each name to the list of its codes, without the names that you do not find."
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = _FIND_CODES.fullmatch(squeeze(text))
        return cls(tuple(match["keys"].split(", "))) if match else None

    def truth(self, passage: Passage) -> JSON:
        """Return the codes in the passage."""
        return self._by_key(_codes_in(passage))

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Join the lists of each key."""
        return self._by_key(
            (key, code) for answer in answers for key, codes in as_object(answer).items() for code in as_items(codes)
        )

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return self._by_key(_read_codes(lines))

    def score(self, value: JSON, passage: Passage) -> float:
        """Compare key by key, each list in any order."""
        answered = [(canonical(key), codes) for key, codes in as_object(value).items() if as_items(codes)]
        expected = as_object(self.truth(passage))
        by_key = dict(answered)
        right = len(answered) == len(expected) and all(
            canonical(key) in by_key and same_items(by_key[canonical(key)], codes) for key, codes in expected.items()
        )
        return float(right)

    def _by_key(self, found: Iterable[tuple[str, JSON]]) -> dict[str, JSON]:
        """Collect codes under their keys, in the question's order."""
        pairs = list(found)
        by_key: dict[str, JSON] = {}
        for key in self.keys:
            codes = _distinct(code for other, code in pairs if other == key)
            if codes:
                by_key[key] = codes
        return by_key


_CODES_OF = re.compile(re.escape(CodesOf("KEY").render()).replace("KEY", r"(?P<key>[a-z]+ [a-z]+)"))
_FIND_CODES = re.compile(
    re.escape(FindCodes(("KEYS",)).render()).replace("KEYS", r"(?P<keys>[a-z]+ [a-z]+(?:, [a-z]+ [a-z]+)*)")
)


def _codes_in(passage: Passage) -> list[tuple[str, JSON]]:
    """Return the keys and codes of a passage, from the document's facts."""
    table, rows = passage.rows(CodeTable)
    return [(str(key), int(code)) for key, code in zip(table.keys[rows], table.codes[rows], strict=True)]


def _read_codes(lines: Sequence[str]) -> list[tuple[str, JSON]]:
    """Return the keys and codes that lines tell."""
    found = (CODES.read(line) for line in lines)
    return [(fact["key"], int(fact["code"])) for fact in found if fact]


def _distinct(items: Iterable[JSON]) -> list[JSON]:
    """Return the distinct codes among items, in order of appearance."""
    codes = (as_integer(item) for item in items)
    return list(dict.fromkeys(code for code in codes if code is not None))
