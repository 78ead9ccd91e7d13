"""Documents: numbered lines, and the facts that passages of them tell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.tasks.content import content_hash
from rao_gym.tasks.long_context.documents import (
    MAX_READ_CHARS,
    Document,
    Facts,
    IntArray,
    Passage,
    Table,
    no_ints,
)


@dataclass(frozen=True, eq=False)
class NumberTable(Table):
    """Numbers that lines tell."""

    numbers: IntArray = field(default_factory=no_ints)


@given(st.lists(st.integers(0, 19), max_size=12, unique=True).map(sorted), st.integers(0, 20), st.integers(0, 20))
def test_a_passage_tells_the_facts_of_its_lines(positions: list[int], one: int, other: int) -> None:
    rows = np.arange(len(positions))
    facts = Facts.of(NumberTable(rows, 100 + rows)).placed(np.array(positions, dtype=np.int64))
    start, end = sorted((one, other))
    table, told = Passage(Document(("x",) * 20, facts), start, end).rows(NumberTable)
    expected = [100 + row for row, position in enumerate(positions) if start <= position < end]
    assert table.numbers[told].tolist() == expected


def test_a_document_tells_no_facts_of_other_kinds() -> None:
    table, rows = Passage(Document(("x",) * 3), 0, 3).rows(NumberTable)
    assert table.numbers[rows].tolist() == []


def test_documents_are_compared_by_their_lines() -> None:
    facts = Facts.of(NumberTable(np.arange(1), np.arange(1)))
    assert content_hash(Document(("a", "b"), facts)) == content_hash(Document(("a", "b")))
    assert content_hash(Document(("a", "b"))) != content_hash(Document(("a b",)))


def test_enormous_reads_are_cut_off() -> None:
    document = Document(("a" * 99,) * 20_000)
    shown = Passage(document, 0, 20_000).numbered(0, 20_000)
    assert shown.splitlines()[-1].startswith("[cut here")
    assert len(shown) < 1.2 * MAX_READ_CHARS
    whole = Passage(document, 0, 500).numbered(0, 500)
    assert len(whole.splitlines()) == 500
