"""The questions that the family asks, and reading them back from their words."""

from __future__ import annotations

from rao_gym.tasks.long_context.questions.aggregate import CountRecords, Difference, Extreme, Filter, Tally
from rao_gym.tasks.long_context.questions.base import Part, Question
from rao_gym.tasks.long_context.questions.frequency import TopWords, WordCounts
from rao_gym.tasks.long_context.questions.needle import CodesOf, FindCodes
from rao_gym.tasks.long_context.questions.pairs import EqualPairs
from rao_gym.tasks.long_context.questions.trace import TrailEnd, TrailSteps

__all__ = [
    "QUESTION_TYPES",
    "CodesOf",
    "CountRecords",
    "Difference",
    "EqualPairs",
    "Extreme",
    "Filter",
    "FindCodes",
    "Part",
    "Question",
    "Tally",
    "TopWords",
    "TrailEnd",
    "TrailSteps",
    "WordCounts",
    "parse_question",
]

QUESTION_TYPES: tuple[type[Question], ...] = (
    CodesOf,
    FindCodes,
    TrailEnd,
    TrailSteps,
    TopWords,
    WordCounts,
    CountRecords,
    Difference,
    Tally,
    Extreme,
    EqualPairs,
)


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
