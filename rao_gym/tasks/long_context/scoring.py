"""How good an answer is that is not right: worth nothing, or, for a number, the more the nearer it is, as in Oolong."""

from __future__ import annotations

from typing import Any, Final

from rao_gym.errors import unknown_name
from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import canonical

EXACT: Final = "exact"
OOLONG: Final = "oolong"
SCORINGS: Final = (EXACT, OOLONG)

BASE: Final = 0.75
"""What is left of a score for every unit between an answer and the right one."""

_FARTHEST = 1_000  # 0.75^1000 is below 1e-124; a float holds no distance between numbers of forty digits


def checked_scoring(name: str) -> str:
    """Check the name of a scoring.

    Raises:
        UnknownNameError: There is no such scoring.
    """
    if name not in SCORINGS:
        raise unknown_name("scoring", name, SCORINGS)
    return name


def nearness(answer: JSON, truth: JSON) -> float | None:
    """Return 0.75^|truth − answer| where the right answer is a number; None where it is something else.

    A list of numbers is something else, as access codes are: who is near a code has found nothing.
    """
    gold: Any = None if isinstance(truth, list | dict) else canonical(truth)
    if not isinstance(gold, tuple) or gold[0] != "number":
        return None
    given: Any = canonical(answer)
    if not isinstance(given, tuple) or given[0] != "number":
        return 0.0
    return float(BASE ** float(min(abs(gold[1] - given[1]), _FARTHEST)))
