"""Search texts with BM25 (``bm25s``)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

import bm25s
from bm25s.tokenization import tokenize

from rao_gym.tools import ToolError

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it reports every index to whoever logs anything

MAX_QUERY_CHARS = 1_000
_DIGITS = 6  # scores that differ by less are equal, so that machines that round differently agree


class TextIndex:
    """An index of texts.

    Args:
        texts: The texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._size = len(texts)
        self._scores = bm25s.BM25(dtype="float64", backend="numpy")
        self._scores.index(_tokens(texts), show_progress=False)

    def search(self, query: str, most: int) -> list[int]:
        """Return the places of the texts that fit a query, the best first.

        Args:
            query: Words; those that no text contains are ignored.
            most: Maximum number of texts.

        Raises:
            ToolError: The query has no words, or is too long.
        """
        if len(query) > MAX_QUERY_CHARS:
            raise ToolError(f"the query has {len(query):,} characters, at most {MAX_QUERY_CHARS:,} are allowed.")
        [words] = _tokens([query])
        if not words:
            raise ToolError("the query has no words to search for.")
        scores = self._scores.get_scores(words).round(_DIGITS).tolist()
        fitting = [place for place in range(self._size) if scores[place] > 0]
        return sorted(fitting, key=lambda place: (-scores[place], place))[:most]


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of each text, without the most common ones."""
    return cast("list[list[str]]", tokenize(list(texts), return_ids=False, show_progress=False))
