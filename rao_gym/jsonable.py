"""Values in JSON form, in which agents' values are stored, compared and verified."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import chain
from typing import Any, NoReturn

import numpy as np

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
"""A value that `json.dumps` writes and `json.loads` reads back unchanged."""

MAX_NESTING = 100
MAX_PARTS = 10_000_000
"""Parts of a value from a family's code: more than any task has, and few enough to walk."""

MAX_INTEGER_BITS = 14_000
"""About 4,200 digits; Python refuses to print integers of more than 4,300."""


def to_json_value(value: Any, *, depth: int = 0) -> JSON:
    """Convert any value to JSON form.

    Tuples and NumPy arrays become lists, sets become sorted lists, NumPy numbers become Python numbers, and mapping
    keys become strings. Floats that JSON cannot hold, nesting beyond 100 levels, and everything else become text.

    Args:
        value: Any value from a cell or a tool call.
        depth: Nesting depth of this value in the outermost one.

    Returns:
        The value in JSON form; equal inputs give equal outputs.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_INTEGER_BITS else "an integer of over 4,000 digits"
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if depth >= MAX_NESTING:
        return "nested too deeply"
    if isinstance(value, np.generic | np.ndarray):
        return to_json_value(value.tolist(), depth=depth + 1)
    if isinstance(value, dict):
        return {_key(key): to_json_value(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(item, depth=depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        items = [to_json_value(item, depth=depth + 1) for item in value]
        return sorted(items, key=lambda item: (type(item).__name__, str(item)))
    return printable(repr(value))


def check_extent(value: Any, *, max_nesting: int = MAX_NESTING, max_parts: int = MAX_PARTS) -> None:
    """Check that whoever walks a value, part by part, comes to an end.

    Shared parts count each time they appear, but are visited once.

    Args:
        value: Any value; only built-in containers and arrays have parts.
        max_nesting: Levels of containers that are allowed.
        max_parts: Parts that are allowed, the value itself included.

    Raises:
        ValueError: The value contains itself, is nested too deeply or has too many parts. The message says what is
            allowed, as in "values nested at most 100 levels deep".
    """
    _Extents(max_nesting, max_parts).of(value, 0)


class _Extents:
    """The number of parts and levels of a value and of the containers in it."""

    __slots__ = ("_above", "_known", "_max_nesting", "_max_parts")

    def __init__(self, max_nesting: int, max_parts: int) -> None:
        self._max_nesting = max_nesting
        self._max_parts = max_parts
        self._above: set[int] = set()
        self._known: dict[int, tuple[Any, int, int]] = {}  # holds the containers, so that ids stay theirs

    def of(self, value: Any, depth: int) -> tuple[int, int]:
        """Return the parts and levels of a value that lies `depth` levels deep."""
        if isinstance(value, np.ndarray) and value.dtype != object:
            return value.size, value.ndim
        parts = _parts_of(value)
        if parts is None:
            return 1, 0
        if id(value) in self._above:
            raise ValueError("values that do not contain themselves")
        if id(value) not in self._known:
            if depth >= self._max_nesting:
                raise ValueError(f"values nested at most {self._max_nesting} levels deep")
            self._above.add(id(value))
            size, levels = 1, 0
            for part in parts:
                part_size, part_levels = self.of(part, depth + 1)
                size, levels = size + part_size, max(levels, part_levels)
            self._above.discard(id(value))
            self._known[id(value)] = value, size, levels + 1
        _, size, levels = self._known[id(value)]
        if depth + levels > self._max_nesting:
            raise ValueError(f"values nested at most {self._max_nesting} levels deep")
        if size > self._max_parts:
            raise ValueError(f"values of at most {self._max_parts:,} parts")
        return size, levels


def _parts_of(value: Any) -> Iterable[Any] | None:
    """Return what a container holds; None for any other value."""
    if isinstance(value, dict):
        return chain(value.keys(), value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return value.ravel().tolist() if isinstance(value, np.ndarray) else None


def _key(key: Any) -> str:
    """Return a mapping key as text; keys that `json.dumps` accepts are written as it writes them."""
    if isinstance(key, str):
        return printable(key)
    value = to_json_value(key)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


_TYPES: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "int | None": (int, type(None)),
    "bool | None": (bool, type(None)),
    "float | None": (int, float, type(None)),
    "dict[str, JSON]": (dict,),
}


def check_types(kind: type[Any], document: Mapping[str, Any]) -> None:
    """Check a JSON object against a dataclass; only fields with plain annotations are checked.

    Args:
        kind: The dataclass.
        document: Values by field name; missing fields are not checked.

    Raises:
        ValueError: A value has the wrong type.
    """
    for field in fields(kind):
        wanted = _TYPES.get(field.type)
        if wanted is not None and field.name in document and not isinstance(document[field.name], wanted):
            raise ValueError(f"{field.name} must be {field.type}, got {document[field.name]!r}")


def printable(text: str) -> str:
    """Replace lone surrogates, which cannot be encoded as UTF-8, with U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def write_json(document: Any) -> str:
    """Return one line of JSON that every reader sees as one line.

    The text is ASCII: characters such as U+2028, which `str.splitlines` and JavaScript treat as a line end, are
    escaped.

    Raises:
        ValueError: The document holds NaN or an infinity, which JSON cannot represent.
    """
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def read_json(text: str | bytes) -> Any:
    """Read JSON from an untrusted file.

    Raises:
        ValueError: It is not JSON, which rules out NaN and infinities, or it is nested too deeply to read.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse the constants that Python's parser accepts beyond JSON."""
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    """Return a float, and refuse a number that is too large for one."""
    number = float(text)
    if number - number != 0:
        raise ValueError(f"the number {text} is too large")
    return number
