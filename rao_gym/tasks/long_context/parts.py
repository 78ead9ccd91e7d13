"""Parts of an agent's lines, as a launch names them: by their numbers, or as one of several equal parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.named_parts import bounds_of_part
from rao_gym.tools import Parameter

BY_LINES_OR_PART = (
    Parameter("start", "integer", "First line.", required=False),
    Parameter("end", "integer", "Line after the last.", required=False),
    Parameter("part", "string", "Instead: left, right or k/m, the k-th of m equal parts.", required=False),
)
"""Parameters of a launch that names lines by `start` and `end`, or by `part`."""

BY_PART = (Parameter("part", "string", "left, right or k/m, the k-th of m equal parts.", required=False),)
"""Parameters of a launch that names them by `part` alone."""


def range_error(passage: Passage, start: object, end: object) -> str:
    """Explain which lines can be named."""
    return f"start={start}, end={end} is not a part of your lines: {passage.start} <= start < end <= {passage.end}."


def named_part(passage: Passage, arguments: Mapping[str, Any], unit: str = "line") -> Passage:
    """Return the part of a passage that a launch names.

    Args:
        passage: The lines of the agent that launches.
        arguments: The launch's arguments: `start` and `end`, or `part`.
        unit: What the agent knows a line as.

    Raises:
        LaunchRefusedError: They name no part of the passage.
    """
    start, end, part = arguments.get("start"), arguments.get("end"), arguments.get("part") or None
    if part is not None:
        if start is not None or end is not None:
            raise LaunchRefusedError("name lines by start and end, or by part, not by both.")
        start, end = (passage.start + place for place in bounds_of_part(part, passage.end - passage.start, unit))
    elif start is None or end is None:
        raise LaunchRefusedError(f"say which of your {unit}s: part is missing, such as left or 2/4.")
    elif not passage.start <= start < end <= passage.end:
        raise LaunchRefusedError(range_error(passage, start, end))
    return Passage(passage.document, start, end)
