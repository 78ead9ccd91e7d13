"""The prose around the facts: the built-in library of articles, or the user's own files."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.jsonable import printable
from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.documents import Document, Facts, IntArray, TextArray
from rao_gym.tasks.long_context.prose import NUM_ARTICLES, article, edition

TextPath = str | os.PathLike[str]

MAX_LINE_CHARS = 100
TEXT_SUFFIXES = (".txt", ".md", ".rst")

_SLACK_CHARS = 12
_DRAWS_AT_ONCE = 16


class Haystack(Protocol):
    """Prose to hide facts among."""

    @property
    def source(self) -> str:
        """Where the prose comes from, ``prose`` for the built-in text or ``text`` for the user's, and a hash of it.

        It is part of a task's id: with another text it is another task.
        """

    def draw(self, room: int, rng: np.random.Generator) -> TextArray:
        """Return lines of at most `room` characters together, line ends included."""


@dataclass(frozen=True, eq=False)
class UserText:
    """The lines of the user's files, in a new order for each document and as often as needed.

    Attributes:
        source: ``text`` and a hash of the lines.
        lines: [lines] The lines.
        sizes: [lines] Characters of each, its line end included.
    """

    source: str
    lines: TextArray = field(repr=False)
    sizes: IntArray = field(repr=False)

    @classmethod
    def of(cls, lines: Iterable[str], is_fact: Callable[[str], bool]) -> UserText:
        """Build it from lines; those that read like a fact are left out, so that answers stay exact."""
        kept = [line for line in lines if not is_fact(line)]
        texts = np.array(kept, dtype=object)
        sizes = np.array([len(line) + 1 for line in kept], dtype=np.int64)
        texts.setflags(write=False)
        sizes.setflags(write=False)
        return cls(f"text-{sha256(chr(10).join(kept).encode()).hexdigest()[:8]}", texts, sizes)

    def draw(self, room: int, rng: np.random.Generator) -> TextArray:
        """Return lines in a random order."""
        num_copies = room // int(self.sizes.sum()) + 1
        order = rng.permuted(np.tile(np.arange(len(self.lines)), (num_copies, 1)), axis=1).ravel()
        drawn: TextArray = self.lines[order[: int(np.searchsorted(np.cumsum(self.sizes[order]), room, side="right"))]]
        return drawn


@dataclass(frozen=True)
class Library:
    """Articles of the built-in prose, one after the other in a new order for each document.

    The order comes from the generator's raw bits, which NumPy promises never to change.
    """

    @property
    def source(self) -> str:
        """``prose`` and the edition of the articles."""
        return f"prose-{edition()}"

    def draw(self, room: int, rng: np.random.Generator) -> TextArray:
        """Return whole articles, the last of them as far as it fits."""
        lines: list[str] = []
        for number in _in_random_order(rng):
            chosen = article(number)
            if chosen.size > room:
                ends = accumulate(len(line) + 1 for line in chosen.lines)
                lines += [line for line, end in zip(chosen.lines, ends, strict=True) if end <= room]
                break
            lines += chosen.lines
            room -= chosen.size
        return np.array(lines, dtype=object)


def _in_random_order(rng: np.random.Generator) -> Iterator[int]:
    """Yield the numbers of all articles in a random order, then in another one, without end."""
    seen: set[int] = set()
    while True:
        for bits in rng.bit_generator.random_raw(_DRAWS_AT_ONCE).tolist():
            number = bits % NUM_ARTICLES
            if number not in seen:
                seen.add(number)
                yield number
        if len(seen) == NUM_ARTICLES:
            seen.clear()


def hide(
    sentences: Sequence[str], facts: Facts, haystack: Haystack, num_tokens: int, rng: np.random.Generator
) -> Document:
    """Return a document that tells sentences, in their order, at random places of prose.

    Args:
        sentences: What it tells beside the prose.
        facts: The facts in the sentences; line i is sentence i.
        haystack: The prose.
        num_tokens: The size of the document.
        rng: Draws prose and places.

    Raises:
        InvalidValueError: The sentences alone are longer than the document should be.
    """
    room = CHARACTERS_PER_TOKEN * num_tokens - sum(len(sentence) + 1 for sentence in sentences)
    if room < 0:
        needed = num_tokens + -(room // CHARACTERS_PER_TOKEN)
        raise InvalidValueError(f"document_tokens={num_tokens} cannot hold this task's facts, which take {needed}.")
    prose = haystack.draw(room, rng)
    num_lines = len(prose) + len(sentences)
    positions = np.sort(rng.choice(num_lines, len(sentences), replace=False))
    is_prose = np.ones(num_lines, dtype=np.bool_)
    is_prose[positions] = False
    lines = np.empty(num_lines, dtype=object)
    lines[positions] = sentences
    lines[is_prose] = prose
    return Document(tuple(lines.tolist()), facts.placed(positions))


def read_haystack(text: TextPath | Sequence[TextPath], is_fact: Callable[[str], bool]) -> UserText:
    """Return the lines of the user's files.

    Args:
        text: A UTF-8 text file, a folder of them (``.txt``, ``.md``, ``.rst``), or a list of files and folders.
        is_fact: Tells the lines that are left out, because they read like a fact.

    Raises:
        InvalidValueError: `text` is neither a path nor a list of paths.
        MissingFileError: A path does not exist, cannot be read, or is a folder without text files.
        FileFormatError: A file is not UTF-8, or there is no text in any.
    """
    given = [text] if isinstance(text, str | os.PathLike) else text
    paths = [path_of("text", path) for path in given] if isinstance(given, list | tuple) else [path_of("text", given)]
    files = [file for path in paths for file in _files_of(path)]
    lines = [line for file in files for paragraph in read_text(file).splitlines() for line in wrap(paragraph)]
    haystack = UserText.of(lines, is_fact)
    if not len(haystack.lines):
        raise FileFormatError(f"There is no text in {', '.join(map(str, paths)) or 'an empty list of files'}.")
    return haystack


def path_of(option: str, value: object) -> Path:
    """Return the path that an option holds.

    Raises:
        InvalidValueError: It holds something else.
    """
    if not isinstance(value, str | os.PathLike):
        raise InvalidValueError(f"{option} must be a path, got {value!r}.")
    return Path(value)


def read_text(path: Path) -> str:
    """Return the contents of a UTF-8 file, without a byte-order mark.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FileFormatError: It is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not UTF-8 text: {error}.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MissingFileError(f"Cannot read {str(path)!r}: {reason}.") from error


def wrap(text: str) -> list[str]:
    """Break a line into lines of about equal length and at most 100 characters, with single spaces."""
    squeezed = printable(" ".join(text.split()))
    lines = textwrap.wrap(squeezed, MAX_LINE_CHARS)
    if len(lines) < 2:
        return lines
    return textwrap.wrap(squeezed, min(MAX_LINE_CHARS, len(squeezed) // len(lines) + _SLACK_CHARS))


def _files_of(path: Path) -> list[Path]:
    """Return a file itself, or the text files of a folder, sorted.

    Raises:
        MissingFileError: A folder has none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in TEXT_SUFFIXES and file.is_file())
    if not files:
        raise MissingFileError(f"There are no {', '.join(TEXT_SUFFIXES)} files in {path}.")
    return files
