"""The one place where values leave a sandbox: guarded, made plain, and bounded in total size.

The sandbox limits what a cell may hold, not what its values become outside of it. A list that holds itself twice, forty
times over, is forty small objects in the sandbox and a tree of 2**40 parts for everyone who walks it as JSON. And a
value is only built when it is read, which can fail: a set of the sandbox's own objects has no counterpart in Python.
So every value is read here, once, and whatever passes can be walked, printed, compared and stored at a cost that
`MAX_SIZE` bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pydantic_monty as monty

from rao_gym.jsonable import MAX_NESTING

MAX_SIZE = 1_000_000
"""Size of what one call or one answer may hand over: `PART_SIZE` for each part, and its characters for text.

A part that appears twice counts twice.
"""

MAX_JOINT_SIZE = 4 * MAX_SIZE
"""Size of all launches that one cell holds at a time, and of all that one wait for sub-agents returns."""

MAX_TREE_SIZE = 64 * MAX_SIZE
"""Size of all answers and launches that one tree keeps, those left out that `max_nodes` bounds well enough."""

SMALL_SIZE = 1_000
"""Size up to which an answer or a launch does not count towards `MAX_TREE_SIZE`."""

PART_SIZE = 8
_BITS_PER_CHARACTER = 8

_UNAWAITED = ("<coroutine ", "<gather(")
_UNAWAITED_ERROR = (
    "{what} holds a coroutine that nobody awaited: its launch has not started. Write `await` before the call."
)


class RefusedValueError(Exception):
    """A value that cannot leave the sandbox.

    Attributes:
        kind: Name of the exception that the cell sees.
    """

    def __init__(self, kind: Literal["TypeError", "ValueError", "TimeoutError"], message: str) -> None:
        super().__init__(message)
        self.kind: Literal["TypeError", "ValueError", "TimeoutError"] = kind


def take(read: Callable[[], Any], what: str) -> Any:
    """Read a value that comes from a cell.

    Args:
        read: Returns the value; it is built by this call, and whatever that raises is the cell's mistake.
        what: What the value is, for the error message.

    Returns:
        The value, made of None, booleans, numbers, text, bytes, lists, tuples, sets and dictionaries; anything else
        in it has become text. Parts that were shared still are.

    Raises:
        RefusedValueError: It cannot be built, is too large or nested too deeply, or holds a coroutine.
    """
    try:
        return _Passage(what, from_cell=True).copy(read(), 0)
    except RefusedValueError:
        raise
    except Exception as error:
        raise RefusedValueError("TypeError", f"{what} cannot leave the session: {error}") from None


def take_call(snapshot: monty.FunctionSnapshot) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Read the arguments of a call, which share one `MAX_SIZE`.

    Raises:
        RefusedValueError: As `take`.
    """
    what = f"The call of {snapshot.function_name}"
    args, kwargs = take(lambda: (snapshot.args, snapshot.kwargs), what)
    return args, kwargs


def plain(value: Any, what: str) -> Any:
    """Return a value as `take` does, for one that comes from elsewhere.

    Raises:
        RefusedValueError: It is too large or nested too deeply.
    """
    return _Passage(what, from_cell=False).copy(value, 0)


def size_of(value: Any, *, at_most: int) -> int | None:
    """Return the size of a plain value, or None if it is larger than `at_most`."""
    passage = _Passage("It", from_cell=False, max_size=at_most)
    try:
        passage.copy(value, 0)
    except RefusedValueError:
        return None
    return passage.size


class _Passage:
    """Copies one value, part by part, and counts its size as if no part were shared."""

    __slots__ = ("_copies", "_from_cell", "_max_size", "_what", "size")

    def __init__(self, what: str, *, from_cell: bool, max_size: int = MAX_SIZE) -> None:
        self._what = what
        self._from_cell = from_cell  # where coroutines, which come out as text, can be in it
        self._max_size = max_size
        self.size = 0
        self._copies: dict[int, tuple[Any, int]] = {}  # of shared containers, with the size of each

    def copy(self, value: Any, depth: int) -> Any:
        """Return the plain form of one part."""
        kind = type(value)
        if kind is int:
            self._grow(PART_SIZE + value.bit_length() // _BITS_PER_CHARACTER)
            return value
        if kind is str:
            return self._text(value)
        if value is None or kind is bool or kind is float:
            self._grow(PART_SIZE)
            return value
        if kind is bytes:
            self._grow(PART_SIZE + len(value))
            return value
        if depth > MAX_NESTING:
            raise RefusedValueError("ValueError", f"{self._what} is nested more than {MAX_NESTING} levels deep.")
        known = self._copies.get(id(value))
        if known is not None:
            self._grow(known[1])
            return known[0]
        before = self.size
        self._grow(PART_SIZE)
        copy = self._container(value, depth + 1)
        self._copies[id(value)] = copy, self.size - before
        return copy

    def _container(self, value: Any, depth: int) -> Any:
        """Return the plain form of a part that has parts of its own."""
        if isinstance(value, dict):
            return {self.copy(key, depth): self.copy(item, depth) for key, item in value.items()}
        for kind in (list, tuple, set, frozenset):
            if isinstance(value, kind):
                return kind(self.copy(item, depth) for item in value)
        if isinstance(value, monty.MontyClassProxy):
            attributes = self.copy(dict(value.attributes), depth)
            inner = ", ".join(f"{name}={_shown(item)}" for name, item in attributes.items())
            return self._text(f"{value.name}({inner})")
        return self._text(repr(value))

    def _text(self, text: str) -> str:
        """Return text, unless it stands for something that was not awaited."""
        self._grow(PART_SIZE + len(text))
        if self._from_cell and "<" in text and any(sign in text for sign in _UNAWAITED):
            raise RefusedValueError("TypeError", _UNAWAITED_ERROR.format(what=self._what))
        return text

    def _grow(self, size: int) -> None:
        """Count a part.

        Raises:
            RefusedValueError: The whole is too large.
        """
        self.size += size
        if self.size > self._max_size:
            raise RefusedValueError(
                "ValueError",
                f"{self._what} is too large: at most {self._max_size:,} characters, with {PART_SIZE} for each item.",
            )


def _shown(value: Any) -> str:
    """Return a plain value as Python writes it, or what it is where Python refuses to."""
    try:
        return repr(value)
    except ValueError:
        return "an integer of over 4,000 digits"
