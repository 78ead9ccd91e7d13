"""Needles: access codes hidden in prose, found by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_integer, as_items, as_object, canonical, same_items
from rao_gym.tasks.long_context.documents import Facts, IntArray, Passage, Table, TextArray, no_ints, no_texts
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, Question, squeeze
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.lexicon import KEYS
from rao_gym.tasks.long_context.schedule import Schedule

CODES = Wordings(
    {"key": r"[a-z]+ [a-z]+", "code": r"\d+"},
    "The access code of the {key} is {code}.",
    "Remember that the {key} opens with the access code {code}.",
    "For the {key}, someone wrote down the access code {code}.",
)
_CODES_FROM, _CODES_TO = 1_000_000, 10_000_000


@dataclass(frozen=True, eq=False)
class CodeTable(Table):
    """Which key has which access code.

    Attributes:
        keys: [rows] Keys.
        codes: [rows] Codes.
    """

    keys: TextArray = field(default_factory=no_texts)
    codes: IntArray = field(default_factory=no_ints)


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

    def needs(self, other: Question, passage: Passage) -> bool:
        """Tell whether the other question asks for the codes of this key."""
        return _keys_of(other) == {self.key}

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

    def needs(self, other: Question, passage: Passage) -> bool:
        """Tell whether the other question asks for the codes of some of these keys."""
        keys = _keys_of(other)
        return bool(keys) and keys <= {*self.keys}

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


def _keys_of(question: Question) -> frozenset[str]:
    """Return the keys whose codes a question asks for; none if it asks for anything else."""
    if isinstance(question, CodesOf):
        return frozenset({question.key})
    return frozenset(question.keys) if isinstance(question, FindCodes) else frozenset()


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


def draft_single(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the code of one key."""
    return _draft_codes(rng, num_keys=1, num_values=1, num_queries=1)


def draft_multi_key(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the codes of many keys, and ask for one."""
    return _draft_codes(rng, num_keys=schedule.num_keys, num_values=1, num_queries=1)


def draft_multi_value(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide several codes of one key, and ask for all."""
    return _draft_codes(rng, num_keys=1, num_values=schedule.num_values, num_queries=1)


def draft_multi_query(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the codes of many keys, and ask for several."""
    num_keys = max(schedule.num_keys, schedule.num_queries)
    return _draft_codes(rng, num_keys=num_keys, num_values=1, num_queries=schedule.num_queries)


def _draft_codes(rng: np.random.Generator, *, num_keys: int, num_values: int, num_queries: int) -> Draft:
    """Hide `num_values` codes of each of `num_keys` keys, and ask for `num_queries` of the keys."""
    keys = np.array(KEYS, dtype=object)[rng.choice(len(KEYS), num_keys, replace=False)]
    queried = tuple(str(key) for key in keys[:num_queries])
    told = rng.permutation(np.repeat(keys, num_values))
    codes = _CODES_FROM + rng.choice(_CODES_TO - _CODES_FROM, len(told), replace=False)
    sentences = [
        CODES.write(which, key=key, code=code)
        for which, key, code in zip(CODES.draw(len(told), rng), told, codes, strict=True)
    ]
    table = CodeTable(np.arange(len(told)), told, codes)
    question = CodesOf(queried[0]) if num_queries == 1 else FindCodes(queried)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[question])


NEEDLE = Kind(
    name="needle",
    hides="access codes",
    wordings=CODES,
    questions=(CodesOf, FindCodes),
    variants={
        "single": draft_single,
        "multi_key": draft_multi_key,
        "multi_value": draft_multi_value,
        "multi_query": draft_multi_query,
    },
)
