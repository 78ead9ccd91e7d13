"""The kinds of task, one file each, and what the family knows of them all."""

from __future__ import annotations

from functools import lru_cache

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.tasks.long_context.kinds.aggregate import AGGREGATE
from rao_gym.tasks.long_context.kinds.base import Kind, Question
from rao_gym.tasks.long_context.kinds.frequency import FREQUENCY
from rao_gym.tasks.long_context.kinds.needle import NEEDLE
from rao_gym.tasks.long_context.kinds.pages import PAGES
from rao_gym.tasks.long_context.kinds.pairs import PAIRS
from rao_gym.tasks.long_context.kinds.trace import TRACE

KINDS: dict[str, Kind] = {kind.name: kind for kind in (NEEDLE, TRACE, FREQUENCY, AGGREGATE, PAIRS, PAGES)}
"""Every kind by its name."""

PROSE_KINDS: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if kind.prose}
"""The kinds that hide facts in prose. Their order decides which one a seed draws with ``mixed``."""

MIXED = "mixed"
KIND_NAMES = (MIXED, *KINDS)
VARIANT_NAMES = tuple(dict.fromkeys(variant for kind in KINDS.values() for variant in kind.variants if variant))
QUESTION_TYPES = tuple(dict.fromkeys(question for kind in KINDS.values() for question in kind.questions))

MAX_QUESTION_CHARS = 2_000
"""The longest goal that is read as a question: the family's own are shorter, and reading takes bounded time."""


def check_kind(kind: str, variant: str | None) -> None:
    """Check the names of a kind and a variant.

    Raises:
        UnknownNameError: There is no such kind or variant.
        InvalidValueError: The variant is of another kind.
    """
    if kind not in KIND_NAMES:
        raise unknown_name("kind", kind, KIND_NAMES)
    if variant is not None and variant not in VARIANT_NAMES:
        raise unknown_name("variant", variant, VARIANT_NAMES)
    if variant is not None and kind != MIXED and variant not in KINDS[kind].variants:
        owners = " or ".join(repr(name) for name, other in KINDS.items() if variant in other.variants)
        raise InvalidValueError(f"kind {kind!r} has no variant {variant!r}, which goes with kind {owners}.")


def has_prose(kind: str) -> bool:
    """Tell whether a kind, or those that are mixed, hide facts in prose."""
    return kind == MIXED or kind in PROSE_KINDS


@lru_cache(maxsize=1_024)  # every turn, launch and answer reads its goal again
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
    """Tell whether a line of prose reads like a fact of any kind."""
    return any(kind.wordings.read(line) is not None for kind in PROSE_KINDS.values())
