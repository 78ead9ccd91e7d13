"""When two answers are the same: one rule for every question.

- Text is compared without regard to case, spacing, surrounding quotation marks and a final full stop.
- A number may be given as text, with or without thousands separators: 1234, "1234" and "1,234" are the same.
- null, empty text, an empty list or object, and words such as "unknown" and "none" all mean "nothing".
- A list of one item is the same as the item. Text that is a JSON list or object counts as that.
- In an object, entries that are 0 or nothing are left out; the order of entries never matters.
- The order of a list matters only where the question asks for an order.
- Where a question asks for a list, text that separates its items by ", ", ";" or line ends is a list.
- An answer that is longer than `MAX_SIZE`, and far longer than the right one, is wrong; it is not even read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any

from rao_gym.boundary import size_of
from rao_gym.jsonable import JSON

MAX_SIZE = 100_000
"""The longest answer that is read: characters, with 8 for each item. Right answers to our questions take hundreds."""

_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3}){1,9}|\d{1,40})(\.\d{1,40})?")
_NOTHING = frozenset({"", "none", "null", "unknown", "nothing", "n/a", "not found"})
_SEPARATOR = re.compile(r",\s+|;|\n")
_MAX_NESTING = 8
_TOO_LONG = ("text", "too long")
_TIMES_THE_TRUTH = 4  # for questions of users, whose answers may be of any length


def canonical(value: JSON) -> Hashable:
    """Return a form of an answer that is equal for answers that are the same; None stands for nothing."""
    return _form(value) if _is_at_most(value, MAX_SIZE) else _TOO_LONG


def same(answer: JSON, truth: JSON) -> bool:
    """Tell whether an answer is the same as the right one."""
    if not _is_at_most(answer, MAX_SIZE) and _is_at_most(truth, MAX_SIZE // _TIMES_THE_TRUTH):
        return False
    return _form(answer) == _form(truth)


def same_items(answer: JSON, truth: JSON) -> bool:
    """Tell whether an answer lists the same items as the right one, in whatever order."""
    return _item_set(answer) == _item_set(truth)


def as_items(value: JSON) -> Sequence[JSON]:
    """Return the items of an answer that should be a list; a single value, or what is too long, is a list of one."""
    if not _is_at_most(value, MAX_SIZE):
        return [value]
    value = _decoded(value)
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        parts = [part for part in _SEPARATOR.split(value) if canonical(part) is not None]
        return [part.strip() for part in parts]
    return [] if canonical(value) is None else [value]


def as_object(value: JSON) -> dict[str, JSON]:
    """Return an answer that should be an object; anything else is an empty one."""
    if not _is_at_most(value, MAX_SIZE):
        return {}
    value = _decoded(value)
    return value if isinstance(value, dict) else {}


def as_counts(value: JSON) -> dict[str, int]:
    """Return the entries of an answer that should be an object of whole numbers; other entries are left out."""
    counts = {}
    for key, item in as_object(value).items():
        count = as_integer(item)
        if count is not None:
            counts[key] = count
    return counts


def as_integer(value: JSON) -> int | None:
    """Return an answer that should be a whole number, else None."""
    form: Any = canonical(value)
    if isinstance(form, tuple) and form[0] == "number" and form[1].denominator == 1:
        return int(form[1])
    return None


def _is_at_most(value: JSON, size: int) -> bool:
    """Tell whether an answer is at most that long, without looking at more of it."""
    return len(value) <= size if isinstance(value, str) else size_of(value, at_most=size) is not None


def _form(value: JSON, *, nesting: int = 0) -> Hashable:
    """Return the canonical form of an answer of any length."""
    value = _decoded(value)
    if nesting > _MAX_NESTING:
        return ("text", "nested too deeply")
    if value is None or isinstance(value, str | bool):
        return _canonical_text(value)
    if isinstance(value, int | float):
        return _number(str(value)) if isinstance(value, float) else ("number", Fraction(value))
    if isinstance(value, dict):
        pairs = [(_form(key), _form(item, nesting=nesting + 1)) for key, item in value.items()]
        kept = [pair for pair in pairs if pair[1] not in (None, ("number", Fraction(0)))]
        return ("object", tuple(sorted(kept, key=repr))) if kept else None
    items = [_form(item, nesting=nesting + 1) for item in value]
    if len(items) == 1:
        return items[0]
    return ("list", tuple(items)) if items else None


def _decoded(value: JSON) -> JSON:
    """Return what a text that is a JSON list or object holds; every other value as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            decoded: JSON = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return decoded
    return value


def _canonical_text(value: str | bool | None) -> Hashable:
    """Return the form of a text, a truth value or null."""
    if value is None:
        return None
    text = " ".join(str(value).casefold().split()).strip("\"'").removesuffix(".").strip()
    return None if text in _NOTHING else _number(text)


def _number(text: str) -> Hashable:
    """Return a number for a text that is one, else the text."""
    if _NUMBER.fullmatch(text):
        return ("number", Fraction(text.replace(",", "")))
    return ("text", text)


def _item_set(value: JSON) -> frozenset[Hashable]:
    """Return the distinct items of a list."""
    return frozenset(canonical(item) for item in as_items(value))
