"""How the work on a passage is shared: what is a fair share of the lines, and what is all of the work again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.base import squeeze

FEWEST_TOKENS: Final = 64
"""About three sentences. Who is left with a long passage has not been helped by what fewer than these tell."""

SMALLEST_SHARE: Final = 4
"""Splitting a short passage may leave less, down to this fraction of it."""


def is_fair_share(part: Passage, whole: Passage) -> bool:
    """Tell whether lines are fewer than all of a passage, and not a trifle of it."""
    num_lines, of_lines = part.end - part.start, whole.end - whole.start
    enough = part.num_tokens >= min(FEWEST_TOKENS, whole.num_tokens // SMALLEST_SHARE)
    return num_lines < of_lines and (enough or SMALLEST_SHARE * num_lines >= of_lines)


def new_share(part: Passage, whole: Passage, covered: Sequence[Passage]) -> float:
    """Return the share of a passage's lines that are in a part of it and in none of other parts."""
    num_new = part.end - part.start
    last = part.start
    for other in sorted(covered, key=lambda passage: passage.start):
        first, after = max(other.start, last), min(other.end, part.end)
        num_new -= max(0, after - first)
        last = max(last, after)
    return num_new / (whole.end - whole.start)


def is_same_work(own: str, goal: str, whole: Passage, part: Passage) -> bool:
    """Tell whether a goal asks for all that one's own asks for, about all of one's lines, in whatever words."""
    if (part.start, part.end) != (whole.start, whole.end):
        return False
    question, asked = parse_question(own), parse_question(goal)
    if question is None or asked is None:
        return squeeze(own) == squeeze(goal)
    return question.asks_the_same(asked, whole)
