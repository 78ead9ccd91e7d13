"""Values as JSON: what agents hand over is stored, compared and verified in this form."""

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
"""About 4,200 digits; from 4,300 on Python refuses to print an integer."""


def to_json_value(value: Any, *, depth: int = 0) -> JSON:
    """Convert any value to JSON form.

    Tuples and NumPy's arrays become lists, sets become sorted lists, NumPy's numbers become Python's, mapping keys
    become strings, floats that JSON cannot hold and everything else become their text. Nesting beyond 100 levels is
    cut to text as well.

    Args:
        value: Anything that a cell or a tool call handed over.
        depth: How deep in the outer value this one lies.

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
    """Return a mapping key as text, the way `json.dumps` writes the keys that it accepts."""
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
    """Check the values of a JSON object that is to become a dataclass, as far as its annotations are plain ones.

    Args:
        kind: The dataclass.
        document: Values by field name; what is missing is not checked.

    Raises:
        ValueError: A value has the wrong type.
    """
    for field in fields(kind):
        wanted = _TYPES.get(field.type)
        if wanted is not None and field.name in document and not isinstance(document[field.name], wanted):
            raise ValueError(f"{field.name} must be {field.type}, got {document[field.name]!r}")


def printable(text: str) -> str:
    """Replace lone surrogates, which no file or page can hold, by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def write_json(document: Any) -> str:
    """Return one line of JSON that every reader sees as one line.

    The text is ASCII: characters such as U+2028, which `str.splitlines` and JavaScript take for the end of a line,
    are escaped.

    Raises:
        ValueError: The document holds NaN or an infinity, which JSON has no way to write.
    """
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def read_json(text: str | bytes) -> Any:
    """Read JSON from a file that may come from anywhere.

    Raises:
        ValueError: It is not JSON, it is nested too deeply to read, or it holds NaN or an infinity, which are no JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what Python's reader takes beyond JSON."""
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    """Return a number, unless it is too large for a float."""
    number = float(text)
    if number - number != 0:
        raise ValueError(f"{text} is too large a number")
    return number
