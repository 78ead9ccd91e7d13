"""The kinds of task, one file each, and what the family knows of them all."""

from __future__ import annotations

from rao_gym.tasks.long_context.kinds.aggregate import AGGREGATE
from rao_gym.tasks.long_context.kinds.base import Kind, Question
from rao_gym.tasks.long_context.kinds.frequency import FREQUENCY
from rao_gym.tasks.long_context.kinds.needle import NEEDLE
from rao_gym.tasks.long_context.kinds.pairs import PAIRS
from rao_gym.tasks.long_context.kinds.trace import TRACE

KINDS: dict[str, Kind] = {kind.name: kind for kind in (NEEDLE, TRACE, FREQUENCY, AGGREGATE, PAIRS)}
"""Every kind by its name. Their order decides which one a seed draws."""

MIXED = "mixed"
KIND_NAMES = (MIXED, *KINDS)
VARIANT_NAMES = tuple(dict.fromkeys(variant for kind in KINDS.values() for variant in kind.variants if variant))
QUESTION_TYPES = tuple(dict.fromkeys(question for kind in KINDS.values() for question in kind.questions))

MAX_QUESTION_CHARS = 2_000
"""The longest goal that is read as a question: the family's own are shorter, and reading takes bounded time."""


def parse_question(text: str) -> Question | None:
    """Return the question that a goal asks, or None when it is not in the family's words."""
    if len(text) > MAX_QUESTION_CHARS:
        return None
    for question_type in QUESTION_TYPES:
        question = question_type.parse(text)
        if question is not None:
            return question
    return None


def is_fact(line: str) -> bool:
    """Tell whether a line reads like a fact of any kind."""
    return any(kind.wordings.read(line) is not None for kind in KINDS.values())
