"""Questions of the user's own: a JSON-lines file of contexts, questions and answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from rao_gym.errors import FileFormatError, InvalidValueError
from rao_gym.jsonable import JSON, printable, to_json_value, write_json
from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.long_context.answers import same
from rao_gym.tasks.long_context.documents import Document
from rao_gym.tasks.long_context.haystack import TextPath, path_of, read_text, wrap

_SPLIT_PATTERN = ("train", "validation", "test", "train", "train")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the file.

    Attributes:
        number: Its line number, from 1.
        document: Its context.
        question: What is asked.
        answer: The right answer.
    """

    number: int
    document: Document = field(repr=False)
    question: str
    answer: JSON

    @property
    def content_hash(self) -> str:
        """Hash of the context, the question and the answer: an edited line is another task."""
        content = write_json([list(self.document.lines), self.question, self.answer])
        return sha256(content.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class QuestionFile:
    """The items of a file, dealt out to the splits: of every five, three train, one validation, one test.

    A question that the file repeats counts once, so no two splits share it.

    Attributes:
        path: The file.
        items: Its items by split.
    """

    path: Path
    items: dict[str, list[Item]] = field(repr=False)

    @classmethod
    def read(cls, path: TextPath) -> QuestionFile:
        """Read a file.

        Raises:
            InvalidValueError: `path` is not a path.
            MissingFileError: It does not exist or cannot be read.
            FileFormatError: A line is not an object with a context, a question and an answer, or it gives another
                answer to a question that came before.
        """
        file = path_of("questions", path)
        items: dict[str, list[Item]] = {split: [] for split in SPLITS}
        distinct: dict[tuple[tuple[str, ...], str], Item] = {}
        for number, line in enumerate(read_text(file).split("\n"), start=1):
            if line.strip():
                item = _parse(file, number, line)
                first = distinct.setdefault((item.document.lines, item.question), item)
                if not same(first.answer, item.answer):
                    raise FileFormatError(
                        f"{file}, line {number}: this is the question of line {first.number} with another answer."
                    )
        for position, item in enumerate(distinct.values()):
            items[_SPLIT_PATTERN[position % len(_SPLIT_PATTERN)]].append(item)
        return cls(file, items)

    def pick(self, seed: int, split: str, index: int) -> Item:
        """Return the item of an index: each seed has its own order of a split's items, and goes round it.

        Raises:
            InvalidValueError: The split has no items.
        """
        items = self.items[split]
        if not items:
            total = sum(map(len, self.items.values()))
            raise InvalidValueError(f"{self.path} holds {total} questions, none of which is in split {split!r}.")
        order = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split)])).permutation(len(items))
        return items[int(order[index % len(items)])]


def _parse(file: Path, number: int, line: str) -> Item:
    """Read one line.

    Raises:
        FileFormatError: It is not what it should be.
    """
    where = f"{file}, line {number}"
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{where}: not valid JSON: {error}.") from error
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where}: expected an object with context, question and answer.")
    for name in ("context", "question"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise FileFormatError(f"{where}: {name!r} must be text.")
    if entry.get("answer") is None:
        raise FileFormatError(f"{where}: 'answer' is missing.")
    lines = [wrapped for paragraph in entry["context"].splitlines() for wrapped in wrap(paragraph)]
    return Item(
        number=number,
        document=Document(tuple(lines)),
        question=printable(" ".join(entry["question"].split())),
        answer=to_json_value(entry["answer"]),
    )
