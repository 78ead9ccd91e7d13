"""Documents and passages: numbered lines, and beside them the facts that they tell.

The facts are the host's alone. They are kept in columns sorted by line, so that what is true of a passage is
found by bisection and a few array operations, without reading its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rao_gym.limits import CHARACTERS_PER_TOKEN

IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]

MAX_READ_CHARS = 1_000_000


def no_ints() -> IntArray:
    """Return an empty column of integers."""
    return np.zeros(0, dtype=np.int64)


def no_texts() -> TextArray:
    """Return an empty column of texts."""
    return np.zeros(0, dtype=object)


@dataclass(frozen=True, eq=False)
class Table:
    """Facts of one kind in columns, one row each.

    Attributes:
        lines: [rows] The line that tells the fact, ascending.
    """

    lines: IntArray = field(default_factory=no_ints)

    def rows(self, start: int, end: int) -> slice:
        """Return the rows whose lines are in start..end-1."""
        first, after = np.searchsorted(self.lines, (start, end))
        return slice(int(first), int(after))


TableT = TypeVar("TableT", bound=Table)


@dataclass(frozen=True, eq=False)
class Facts:
    """All that a document tells beside its prose.

    Attributes:
        tables: The facts by their kind, which is the type of their table.
    """

    tables: Mapping[type[Table], Table] = field(default_factory=dict)

    @classmethod
    def of(cls, *tables: Table) -> Facts:
        """Collect tables of different kinds."""
        return cls({type(table): table for table in tables})

    def __getitem__(self, kind: type[TableT]) -> TableT:
        """Return the facts of a kind: an empty table when the document tells none."""
        table = self.tables.get(kind)
        return table if isinstance(table, kind) else kind()

    def placed(self, positions: IntArray) -> Facts:
        """Return the facts told by lines ``positions[i]`` instead of i.

        Args:
            positions: [sentences] Ascending line numbers.
        """
        return Facts.of(*(replace(table, lines=positions[table.lines]) for table in self.tables.values()))


@dataclass(frozen=True, eq=False)
class Document:
    """Numbered lines of text and the facts in them.

    Attributes:
        lines: The text, a sentence or a record a line.
        facts: What the lines tell.
        offsets: [lines + 1] Characters before each line, line ends included.
    """

    lines: tuple[str, ...]
    facts: Facts = field(default_factory=Facts)
    offsets: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sum up the lengths of the lines."""
        lengths = np.fromiter(map(len, self.lines), dtype=np.int64, count=len(self.lines)) + 1
        object.__setattr__(self, "offsets", np.concatenate([[0], np.cumsum(lengths)]))

    @property
    def content(self) -> tuple[str, ...]:
        """The lines: what tasks are compared by, since the facts are only what the lines tell."""
        return self.lines


@dataclass(frozen=True, eq=False)
class Passage:
    """Lines start..end-1 of a document: what one node is given.

    Attributes:
        document: The document.
        start: Its first line.
        end: The line after its last.
    """

    document: Document = field(repr=False)
    start: int
    end: int

    def rows(self, kind: type[TableT]) -> tuple[TableT, slice]:
        """Return the document's facts of a kind, and which of them these lines tell."""
        table = self.document.facts[kind]
        return table, table.rows(self.start, self.end)

    @property
    def num_tokens(self) -> int:
        """Tokens of its text by the approximate count."""
        offsets = self.document.offsets
        characters = max(0, int(offsets[self.end] - offsets[self.start]) - 1)
        return -(-characters // CHARACTERS_PER_TOKEN)

    @property
    def text(self) -> str:
        """Its lines, without numbers."""
        return "\n".join(self.document.lines[self.start : self.end])

    def numbered(self, start: int, end: int) -> str:
        """Return lines start..end-1 with their numbers; what is over 1,000,000 characters is cut off."""
        offsets = self.document.offsets
        last = int(np.searchsorted(offsets, offsets[start] + MAX_READ_CHARS, side="right")) - 1
        shown = [f"{number}: {self.document.lines[number]}" for number in range(start, min(end, last))]
        if last < end:
            shown.append(f"[cut here: one read shows at most {MAX_READ_CHARS:,} characters]")
        return "\n".join(shown)
