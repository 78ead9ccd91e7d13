"""Frequency: coined words that no dictionary knows, counted over the whole document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.answers import as_counts, as_items, canonical
from rao_gym.tasks.long_context.documents import Facts, IntArray, Passage, Table, no_ints
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, Question, add_counts, squeeze
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.lexicon import COINED_WORDS
from rao_gym.tasks.long_context.schedule import Schedule

WORDS = Wordings({"words": r"[a-z]+(?: [a-z]+)*"}, "Coined words: {words}.")
_WORDS_PER_LINE = 8
_TOP_MARGINS = (5, 3, 1)
_MAX_SHORTFALL = 3


@dataclass(frozen=True, eq=False)
class WordTable(Table):
    """Coined words, one row for every occurrence.

    Attributes:
        vocabulary: The distinct words.
        ids: [rows] Indices into the vocabulary.
    """

    vocabulary: tuple[str, ...] = ()
    ids: IntArray = field(default_factory=no_ints)


@dataclass(frozen=True)
class WordCounts(Part):
    """How often each coined word occurs; the answer is an object from word to number."""

    max_answer_tokens = 130

    def render(self) -> str:
        """Return the question in words."""
        return "Count the coined words in your lines. Answer with an object from each word to its number."

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        return cls() if squeeze(text) == cls().render() else None

    def truth(self, passage: Passage) -> JSON:
        """Return the counts in the passage."""
        table, rows = passage.rows(WordTable)
        counts = np.bincount(table.ids[rows], minlength=len(table.vocabulary))
        return {word: int(count) for word, count in sorted(zip(table.vocabulary, counts, strict=True)) if count}

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Add up."""
        return add_counts(answers)

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        found = (WORDS.read(line) for line in lines)
        counts = Counter(word for fact in found if fact for word in fact["words"].split())
        return {word: counts[word] for word in sorted(counts)}


@dataclass(frozen=True)
class TopWords(Question):
    """The most common coined words in order; words that are equally common may change places.

    Attributes:
        num_words: How many are asked for; all of them where the passage has fewer.
    """

    num_words: int

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Which {self.num_words} coined words are the most common in your lines? "
            "Answer with a list of words, the most common first."
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = _TOP_WORDS.fullmatch(squeeze(text))
        return cls(int(match["number"])) if match else None

    @property
    def part(self) -> Part:
        """The question to ask of parts: their most common words need not be those of the whole."""
        return WordCounts()

    def conclude(self, merged: JSON) -> JSON:
        """Rank the words."""
        counts = as_counts(merged)
        return sorted(counts, key=lambda word: (-counts[word], word))[: self.num_words]  # type: ignore[return-value]

    def score(self, value: JSON, passage: Passage) -> float:
        """Accept every ranking that the counts allow."""
        counts = as_counts(self.part.truth(passage))
        by_form = {canonical(word): count for word, count in counts.items()}
        answered = [canonical(item) for item in as_items(value)]
        best = sorted(counts.values(), reverse=True)[: self.num_words]
        distinct = len(set(answered)) == len(answered)
        return float(distinct and [by_form.get(word, 0) for word in answered] == best)


_TOP_WORDS = re.compile(re.escape(TopWords(0).render()).replace("0", r"(?P<number>[1-9][0-9]{0,2})", 1))


def draft_frequency(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide coined words that are almost equally common, and ask for the most common ones.

    The margins are a few occurrences, whatever the size, so that no sample gives them away.
    """
    vocabulary = tuple(COINED_WORDS[i] for i in rng.choice(len(COINED_WORDS), schedule.num_words, replace=False))
    line_chars = len(WORDS.write(0, words="")) + _WORDS_PER_LINE * (1 + round(np.mean([*map(len, vocabulary)])))
    num_chars = schedule.fact_share * CHARACTERS_PER_TOKEN * schedule.document_tokens
    usual = max(1, int(num_chars / line_chars) * _WORDS_PER_LINE // schedule.num_words)
    counts = np.maximum(1, usual - rng.integers(0, _MAX_SHORTFALL + 1, schedule.num_words))
    counts[: len(_TOP_MARGINS)] = usual + np.array(_TOP_MARGINS)
    ids = rng.permutation(np.repeat(np.arange(schedule.num_words), counts))
    words = [vocabulary[i] for i in ids.tolist()]
    sentences = [
        WORDS.write(0, words=" ".join(words[first : first + _WORDS_PER_LINE]))
        for first in range(0, len(words), _WORDS_PER_LINE)
    ]
    table = WordTable(np.arange(len(ids)) // _WORDS_PER_LINE, vocabulary, ids)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[TopWords(len(_TOP_MARGINS))])


FREQUENCY = Kind(
    name="frequency",
    hides="coined words",
    wordings=WORDS,
    questions=(TopWords, WordCounts),
    variants={"": draft_frequency},
)
