"""Frozen dataclasses from the tables of a TOML file, every key and every type checked."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from rao_gym.errors import InvalidValueError, unknown_name

NONE = "none"
"""Stands for None where a value is optional: TOML has no word for it."""


def build(kind: Any, document: object, path: str = "") -> Any:
    """Build a dataclass from a table, its fields included.

    Args:
        kind: The dataclass.
        document: The table.
        path: Where the table stands in the file, for messages.

    Raises:
        UnknownNameError: There is no such key; the nearest one is named.
        InvalidValueError: A value is missing, out of range or of the wrong type.
    """
    if not isinstance(document, Mapping):
        raise InvalidValueError(f"{path or 'The recipe'} must be a table, got {document!r}.")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in document:
        if name not in known:
            raise unknown_name("key", f"{path}{'.' if path else ''}{name}", [_joined(path, key) for key in known])
    for name, one in known.items():
        if name not in document and one.default is MISSING and one.default_factory is MISSING:
            raise InvalidValueError(f"{_joined(path, name)} is missing.")
    values = {name: _value(hints[name], value, _joined(path, name)) for name, value in document.items()}
    try:
        return kind(**values)
    except InvalidValueError as error:
        raise InvalidValueError(f"{path}: {error}" if path else str(error)) from error


def _joined(path: str, name: str) -> str:
    """Return the full name of a key."""
    return f"{path}.{name}" if path else name


def _value(kind: Any, value: object, path: str) -> Any:
    """Convert a plain value to the type of its field."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value in (None, NONE) else _value(inner, value, path)
    if is_dataclass(kind):
        return build(kind, value, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidValueError(f"{path} must be a list, got {value!r}.")
        return tuple(_value(arguments[0], item, f"{path}.{place}") for place, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InvalidValueError(f"{path} must be a table, got {value!r}.")
        return {
            _key(arguments[0], key, path): _value(arguments[1], item, f"{path}.{key}") for key, item in value.items()
        }
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise unknown_name(path, value, map(str, kind))
        return kind(str(value))
    return _scalar(kind, value, path)


def _key(kind: Any, key: object, path: str) -> Any:
    """Convert a table's key, which TOML always reads as text."""
    if kind is not int:
        return key
    try:
        return int(str(key))
    except ValueError:
        raise InvalidValueError(f"The keys of {path} must be integers, got {key!r}.") from None


def _scalar(kind: Any, value: object, path: str) -> Any:
    """Check a plain value's type."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, bool, str) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        names = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
        raise InvalidValueError(f"{path} must be {names[kind]}, got {value!r}.")
    return value
