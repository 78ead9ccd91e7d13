"""The prose around the facts: the reference text that every CPython carries, or the user's own files."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.jsonable import printable
from rao_gym.tasks.long_context.documents import IntArray, TextArray
from rao_gym.tasks.long_context.facts import is_fact

TextPath = str | os.PathLike[str]

MAX_LINE_CHARS = 100
TEXT_SUFFIXES = (".txt", ".md", ".rst")

_SLACK_CHARS = 12
_MIN_SENTENCE_CHARS = 30
_MIN_LETTERS = 0.85
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=[A-Z])")


@dataclass(frozen=True, eq=False)
class Haystack:
    """Lines of prose to hide facts among.

    Attributes:
        source: Where they come from, ``prose`` for the built-in text or ``text`` for the user's, and a hash of the
            lines, such as ``prose-1f0c2a9b``. It is part of a task's id: with another text it is another task.
        lines: [lines] The lines.
        sizes: [lines] Characters of each, its line end included.
    """

    source: str
    lines: TextArray = field(repr=False)
    sizes: IntArray = field(repr=False)


def haystack_of(name: str, lines: Iterable[str]) -> Haystack:
    """Build a haystack; lines that read like a fact are left out."""
    kept = [line for line in lines if not is_fact(line)]
    texts = np.array(kept, dtype=object)
    sizes = np.array([len(line) + 1 for line in kept], dtype=np.int64)
    texts.setflags(write=False)
    sizes.setflags(write=False)
    digest = sha256("\n".join(kept).encode()).hexdigest()[:8]
    return Haystack(f"{name}-{digest}", texts, sizes)


@lru_cache(maxsize=1)
def builtin_haystack() -> Haystack:
    """Return the sentences of `pydoc_data.topics`, without headings, code and tables."""
    paragraphs = (paragraph for topic in sorted(topics) for paragraph in _PARAGRAPH_BREAK.split(topics[topic]))
    sentences = (sentence for paragraph in paragraphs for sentence in _sentences(paragraph))
    return haystack_of("prose", dict.fromkeys(line for sentence in sentences for line in wrap(sentence)))


def read_haystack(text: TextPath | Sequence[TextPath]) -> Haystack:
    """Return the lines of the user's files.

    Args:
        text: A UTF-8 text file, a folder of them (``.txt``, ``.md``, ``.rst``), or a list of files and folders.

    Raises:
        InvalidValueError: `text` is neither a path nor a list of paths.
        MissingFileError: A path does not exist, cannot be read, or is a folder without text files.
        FileFormatError: A file is not UTF-8, or there is no text in any.
    """
    given = [text] if isinstance(text, str | os.PathLike) else text
    paths = [path_of("text", path) for path in given] if isinstance(given, list | tuple) else [path_of("text", given)]
    files = [file for path in paths for file in _files_of(path)]
    lines = [line for file in files for paragraph in read_text(file).splitlines() for line in wrap(paragraph)]
    haystack = haystack_of("text", lines)
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


def _sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph of prose; none for code, grammar, headings and tables."""
    if any(line.startswith((" ", "*", "=", "-", "+", "|", ">", "~")) for line in paragraph.splitlines()):
        return []
    return [sentence for sentence in _SENTENCE_END.split(" ".join(paragraph.split())) if _is_prose(sentence)]


def _is_prose(sentence: str) -> bool:
    """Tell sentences from fragments and code."""
    letters = sum(character.isalpha() or character == " " for character in sentence)
    long_enough = len(sentence) >= _MIN_SENTENCE_CHARS and letters >= _MIN_LETTERS * len(sentence)
    return long_enough and sentence[0].isupper() and sentence[-1] in ".!?:"
