"""What difficulty means: the size of the mailbox, and how vague the question is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count
from rao_gym.tasks.email_search.questions import MAX_VAGUENESS

_FEWEST_MAILS, _MOST_MAILS = 8, 2**13


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The parameters of a task; every one is also an option of the family.

    Attributes:
        num_mails: Mails of the mailbox.
        vagueness: Which clues the question gives: 0 for the undertaking, the sender and the month, 1 for the
            undertaking alone, 2 for the sender and the month, 3 for the sender's first name and the half of the year.
    """

    num_mails: int
    vagueness: int

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        bounds = {"num_mails": (_FEWEST_MAILS, _MOST_MAILS), "vagueness": (0, MAX_VAGUENESS)}
        for name, (least, most) in bounds.items():
            value = check_count(name, getattr(self, name), minimum=least)
            if value > most:
                raise InvalidValueError(f"{name} must be at most {most:,}, got {value}.")
            object.__setattr__(self, name, value)


def scheduled(difficulty: int, **overrides: Any) -> Schedule:
    """Return the parameters of a difficulty.

    Args:
        difficulty: 1 or more.
        **overrides: Parameters that replace the scheduled ones.

    Raises:
        InvalidValueError: A parameter is out of range or of the wrong type.
    """
    doublings = min(difficulty, _MOST_MAILS.bit_length())
    parameters: dict[str, Any] = {
        "num_mails": min(32 * 2**doublings, _MOST_MAILS),
        "vagueness": min(difficulty // 2, MAX_VAGUENESS),
    }
    return Schedule(**(parameters | overrides))
