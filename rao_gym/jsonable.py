"""Values in JSON form, in which agents' values are stored, compared and verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
"""A value that `json.dumps` writes and `json.loads` reads back unchanged."""

MAX_NESTING = 100
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
