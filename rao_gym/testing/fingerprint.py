"""Fingerprints of values, which reveal changes in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.tasks.content import content_hash


def fingerprint(value: Any) -> str:
    """Return a text that is the same for equal contents within this process, for any value.

    Objects of unknown types are compared by their attributes; those without attributes, such as functions, by identity.
    """
    try:
        return content_hash(value)
    except InvalidValueError:
        return content_hash(_plain(value, frozenset()))


def _plain(value: Any, above: frozenset[int]) -> Any:
    """Convert a value to one that `content_hash` accepts."""
    if id(value) in above:
        return "a cycle"
    inside = above | {id(value)}
    if isinstance(value, Mapping):
        return [(_plain(key, inside), _plain(item, inside)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item, inside) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(fingerprint(item) for item in value)
    try:
        return content_hash(value)
    except InvalidValueError:
        return type(value).__qualname__, _attributes(value, inside)


def _attributes(value: Any, inside: frozenset[int]) -> Any:
    """Return an object's attributes by name, or its identity if it has none."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value)}
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        held = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    return sorted((name, _plain(item, inside)) for name, item in held.items()) if held else id(value)
