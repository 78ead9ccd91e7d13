"""Rubrics: what a judge is told to look for, one file for each family, with a version.

A rubric is part of a measurement, like a test set: a changed text needs a new version, and both are in every verdict's
key and in every run's identity.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from rao_gym.errors import FileFormatError, MissingFileError
from rao_gym.limits import check_count

GENERAL: Final = "general"
"""The rubric of families that have none of their own."""

_FOLDER = "rubrics"


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """What a judge is told about the goals of a family.

    Attributes:
        name: The family's id, or ``general``.
        version: Its version, raised with every change.
        text: The instructions.
        shows_replies: Whether the judge also sees what the environment replied to the agent, such as the lines that it
            read.
        shows_truth: Whether the judge also sees the right answer to the root's goal.
    """

    name: str
    version: int
    text: str
    shows_replies: bool = False
    shows_truth: bool = False

    @property
    def label(self) -> str:
        """Name, version and a hash of all that it says, as in ``rao/Code-v0@1-5f2c9a01``."""
        content = f"{self.text}\0{self.shows_replies}\0{self.shows_truth}"
        return f"{self.name}@{self.version}-{sha256(content.encode()).hexdigest()[:8]}"


def published_rubrics() -> list[Rubric]:
    """Return every rubric that ships with the package, sorted by name."""
    entries = sorted(files("rao_gym.judges").joinpath(_FOLDER).iterdir(), key=lambda entry: entry.name)
    return [_read(entry, entry.name) for entry in entries if entry.name.endswith(".toml")]


def rubric_of(family: str) -> Rubric:
    """Return the rubric of a family, the general one if it has none of its own.

    Args:
        family: The family's id.
    """
    by_name = {rubric.name: rubric for rubric in published_rubrics()}
    return by_name.get(family, by_name[GENERAL])


def read_rubric(path: str | Path) -> Rubric:
    """Read a rubric of the user's own.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FileFormatError: It is not a rubric.
    """
    return _read(Path(path), str(path))


def _read(file: Path | Traversable, shown: str) -> Rubric:
    """Read a rubric's file.

    Raises:
        MissingFileError: It cannot be read.
        FileFormatError: It is not a rubric.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{shown} is not TOML: {error}.") from error
    except OSError as error:
        raise MissingFileError(f"Cannot read the rubric {shown!r}: {error.strerror or error}.") from error
    known = {field.name: field.type for field in fields(Rubric)}
    if wrong := sorted(set(document) - set(known)):
        raise FileFormatError(f"{shown}: a rubric has no {wrong[0]!r}. Valid: {', '.join(known)}.")
    for name, kind in known.items():
        if name not in document and kind == "bool":
            continue
        value = document.get(name)
        if type(value).__name__ != kind or value == "":
            raise FileFormatError(f"{shown}: {name} must be {'text' if kind == 'str' else kind}, got {value!r}.")
    check_count(f"{shown}: version", document["version"])
    return Rubric(**document | {"text": document["text"].strip()})
