"""Parts as a launch names them: left, right, or the k-th of m equal parts."""

from __future__ import annotations

import re

from rao_gym.errors import shortened
from rao_gym.tasks.base import LaunchRefusedError

_PLACES = {"left": (1, 2), "right": (2, 2)}
SIDES = tuple(_PLACES)
"""Names of the halves."""

_FRACTION = re.compile(r"(\d{1,12})\s*/\s*(\d{1,12})")


def bounds_of_part(part: str, count: int, unit: str) -> tuple[int, int]:
    """Return the first of the units that a part consists of, counted from 0, and the one after its last.

    Parts that follow each other share no unit and leave none out.

    Args:
        part: ``left``, ``right`` or ``k/m``.
        count: Number of units of the whole.
        unit: What the agent knows a unit as, such as ``line``.

    Raises:
        LaunchRefusedError: The whole has no part of that name.
    """
    match = _FRACTION.fullmatch(part.strip())
    place, num_parts = (int(match[1]), int(match[2])) if match else _PLACES.get(part.strip().casefold(), (0, 0))
    if not 1 <= place <= num_parts or num_parts < 2:
        raise LaunchRefusedError(f"part must be left, right or k/m, such as 2/4, not {shortened(part)!r}.")
    if count == 1:
        raise LaunchRefusedError(f"a single {unit} has no parts.")
    if count < num_parts:
        raise LaunchRefusedError(f"you have {count} {unit}s, too few for {num_parts} parts.")
    return count * (place - 1) // num_parts, count * place // num_parts
