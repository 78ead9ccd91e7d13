"""What difficulty means: how many questions, of how many hops, about how large an encyclopedia."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count, is_number
from rao_gym.tasks.deep_search.encyclopedia import FEWEST_PAGES, MOST_PAGES

_MOST_THREADS = 20
_MOST_HOPS = 8
_MOST_SCHEDULED_PAGES = 1_000
_PAGES_PER_FACT = 2  # the threads of a question share no page, and need some to turn to


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The parameters of a task; every one is also an option of the family.

    Attributes:
        num_questions: Sub-questions, each a thread of its own.
        num_hops: Facts that lead to the answer of each.
        num_pages: Pages of the encyclopedia.
        chained: Share of the sub-questions after the first that begin with the answer to the one before: 0 makes
            all of them independent, 1 makes a single chain.
    """

    num_questions: int
    num_hops: int
    num_pages: int
    chained: float = 0.5

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range, or the pages are too few for the questions.
        """
        bounds = {
            "num_questions": (1, _MOST_THREADS),
            "num_hops": (1, _MOST_HOPS),
            "num_pages": (FEWEST_PAGES, MOST_PAGES),
        }
        for name, (least, most) in bounds.items():
            value = check_count(name, getattr(self, name), minimum=least)
            if value > most:
                raise InvalidValueError(f"{name} must be at most {most:,}, got {value}.")
            object.__setattr__(self, name, value)
        if not is_number(self.chained) or not 0 <= self.chained <= 1:
            raise InvalidValueError(f"chained must be a number from 0 to 1, got {self.chained!r}.")
        object.__setattr__(self, "chained", float(self.chained))
        needed = _PAGES_PER_FACT * self.num_questions * (self.num_hops + 1)
        if self.num_pages < needed:
            raise InvalidValueError(
                f"num_pages={self.num_pages} is too few for {self.num_questions} questions of {self.num_hops} hops; "
                f"the smallest that fits is {needed}."
            )

    @property
    def num_links(self) -> int:
        """Number of sub-questions that begin with the answer to the one before."""
        return round(self.chained * (self.num_questions - 1))


def scheduled(difficulty: int, **overrides: Any) -> Schedule:
    """Return the parameters of a difficulty.

    Args:
        difficulty: 1 or more.
        **overrides: Parameters that replace the scheduled ones.

    Raises:
        InvalidValueError: A parameter is out of range or of the wrong type.
    """
    parameters: dict[str, Any] = {
        "num_questions": min(1 + 3 * difficulty // 4, _MOST_THREADS),
        "num_hops": min(2 + difficulty // 4, _MOST_HOPS),
        "num_pages": min(24 + 16 * difficulty, _MOST_SCHEDULED_PAGES),
    }
    return Schedule(**(parameters | overrides))
