"""Pages of letters, one of which holds a digit: a needle for models that know few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_integer
from rao_gym.tasks.long_context.documents import Facts, IntArray, Passage, Table, no_ints
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, squeeze
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.schedule import Schedule

LETTERS = "abcdefghij"
DIGITS = Wordings({"before": "(?:[a-j]-)*", "digit": "[0-9]", "after": "(?:-[a-j])*"}, "{before}{digit}{after}")


@dataclass(frozen=True, eq=False)
class DigitTable(Table):
    """Which page has which digit.

    Attributes:
        digits: [rows] Digits.
    """

    digits: IntArray = field(default_factory=no_ints)


@dataclass(frozen=True)
class HiddenDigit(Part):
    """The digit on the pages, or none; a part without it has none."""

    max_answer_tokens = 3

    def render(self) -> str:
        """Return the question in words."""
        return "Which digit is on your pages? Answer with it, or with none."

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        return cls() if squeeze(text) == cls().render() else None

    def truth(self, passage: Passage) -> JSON:
        """Return the digit in the passage."""
        table, rows = passage.rows(DigitTable)
        return next((int(digit) for digit in table.digits[rows]), None)

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Return the digit that was found."""
        return next((digit for answer in answers if (digit := as_integer(answer)) is not None), None)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        return next((int(fact["digit"]) for line in lines if (fact := DIGITS.read(line))), None)


def draft_pages(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Draw letters, and put a digit in the place of one of them."""
    pages = [list(row) for row in np.array(list(LETTERS))[rng.integers(0, len(LETTERS), _shape(schedule))]]
    page, place, digit = (int(rng.integers(0, most)) for most in (*_shape(schedule), 10))
    pages[page][place] = str(digit)
    return Draft(
        sentences=["-".join(letters) for letters in pages],
        facts=Facts.of(DigitTable(np.array([page]), np.array([digit]))),
        questions=[HiddenDigit()],
    )


def _shape(schedule: Schedule) -> tuple[int, int]:
    """Return how many pages there are, and how many letters on each."""
    return schedule.num_pages, schedule.page_letters


PAGES = Kind(
    name="pages",
    hides="a digit",
    wordings=DIGITS,
    questions=(HiddenDigit,),
    variants={"": draft_pages},
    prose=False,
)
