"""A hash of a task's content, which identifies the task itself rather than how it was sampled.

A task's id says how it was sampled. If a generator, a text file or a lexicon changes, the task changes but its id may
not, so comparisons of results and frozen benchmarks must compare this hash too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError


def content_hash(*values: Any) -> str:
    """Return the SHA-256 of values in hexadecimal; equal contents have equal hashes in every process.

    Contents are plain values, NumPy arrays, enums, and tuples, lists, sets, mappings and dataclasses of them, to any
    depth. Any other object, such as one that computes a part on first use, needs an attribute `content` that holds its
    content as such values.

    Raises:
        InvalidValueError: A value has another type and no attribute `content`.
    """
    digest = sha256()
    pending = list(reversed(values))
    above: set[int] = set()
    while pending:  # no recursion, because expressions may be nested tens of thousands of levels deep
        value = pending.pop()
        if isinstance(value, _End):
            above.discard(id(value.container))
            continue
        data, parts = _opened(value)
        if parts:
            if id(value) in above:
                raise InvalidValueError(f"A {type(value).__qualname__} in a task's content contains itself.")
            above.add(id(value))
            pending.append(_End(value))
        digest.update(f"{type(value).__qualname__}:{len(data)}:{len(parts)};".encode())
        digest.update(data)
        pending.extend(reversed(parts))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _End:
    """Marks where the parts of a container end."""

    container: Any


def _opened(value: Any) -> tuple[bytes, list[Any]]:
    """Return a value's own part of the hash, and the values that it contains."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value).encode(), []
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass"), []
    if isinstance(value, bytes):
        return value, []
    if isinstance(value, Enum):
        return value.name.encode(), []
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return str(value.shape).encode(), value.ravel().tolist()  # its bytes would be addresses
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes(), []
    if isinstance(value, Mapping):
        return b"", [part for item in value.items() for part in item]
    if isinstance(value, tuple | list):
        return b"", list(value)
    if isinstance(value, set | frozenset):
        return "".join(sorted(content_hash(item) for item in value)).encode(), []
    if hasattr(value, "content"):
        return b"", [value.content]
    if is_dataclass(value) and not isinstance(value, type):
        return b"", [getattr(value, field.name) for field in fields(value)]
    raise InvalidValueError(
        "A task's content must be plain values, arrays, enums, and tuples, lists, sets, mappings and dataclasses of "
        f"them; got {type(value).__qualname__}. Give it an attribute `content`."
    )
