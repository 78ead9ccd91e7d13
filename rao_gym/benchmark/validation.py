"""Check published results: against the schema, the suite, and their own episodes. Nothing that they name is run."""

from __future__ import annotations

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from rao_gym.benchmark.folder import open_benchmark, read_document
from rao_gym.benchmark.results import summarize_folder
from rao_gym.benchmark.suite import load_suite, suite_names
from rao_gym.errors import RaoError
from rao_gym.jsonable import read_json

TOLERANCE = 1e-9
_MAX_SHOWN = 120


class ValidationError(RaoError, ValueError):
    """Results that contradict their schema, their suite or their episodes."""


def schema() -> dict[str, Any]:
    """Return the JSON schema of ``results.json``."""
    text = resources.files("rao_gym.benchmark").joinpath("results.schema.json").read_bytes()
    found = read_json(text)
    assert isinstance(found, dict)
    return found


def validate(path: Path) -> dict[str, Any]:
    """Check a results file, and return its contents.

    Args:
        path: ``results.json`` in the folder of its run.

    Raises:
        MissingFileError: There is no such file, or no run beside it.
        FileFormatError: It is not JSON, or too large.
        ValidationError: It does not follow the schema, or differs from what its episodes give; the message names the
            first place.
        FrozenTaskError: An episode is not of a task of the suite.
    """
    document = read_document(path)
    errors = sorted(Draft202012Validator(schema()).iter_errors(document), key=lambda each: each.json_path)
    if errors:
        error = errors[0]
        raise ValidationError(f"{path} does not follow the schema at {error.json_path}: {_shortened(error.message)}.")
    suite = open_benchmark(path.parent).suite
    if suite.name in suite_names() and load_suite(suite.name).hash != suite.hash:
        raise ValidationError(
            f"{path.parent} was run on a suite that calls itself {suite.name}, version {suite.version}, but it differs "
            f"from the suite of that name in this package, version {load_suite(suite.name).version}."
        )
    recomputed = json.loads(json.dumps(summarize_folder(path.parent)))
    difference = first_difference(document, recomputed)
    if difference is not None:
        place, found, expected = difference
        raise ValidationError(
            f"{path} differs from its episodes at {place}: it says {_shortened(json.dumps(found))}, but they give "
            f"{_shortened(json.dumps(expected))}."
        )
    return document


def first_difference(found: Any, expected: Any, place: str = "$") -> tuple[str, Any, Any] | None:
    """Return where two JSON values first differ and what stands there; None if they are equal up to rounding."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in [*expected, *(name for name in found if name not in expected)]:
            if name not in found or name not in expected:
                return f"{place}.{name}", found.get(name), expected.get(name)
            if difference := first_difference(found[name], expected[name], f"{place}.{name}"):
                return difference
        return None
    if isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return f"{place}.length", len(found), len(expected)
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            if difference := first_difference(one, other, f"{place}[{index}]"):
                return difference
        return None
    if _is_number(found) and _is_number(expected):
        return None if math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE) else (place, found, expected)
    return None if type(found) is type(expected) and found == expected else (place, found, expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shortened(text: str) -> str:
    """Return the beginning of a text that may come from a hostile file, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"
