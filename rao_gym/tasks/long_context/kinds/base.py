"""The protocol of a kind: what it hides in a document, what it asks, and how its questions are answered and checked.

A question is words that can be read back, and the exact truth for any passage. A question about a long passage is
answered by way of its *part*: a question whose answers for neighbouring passages merge into the answer for both
together, and from whose answer the question's own follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, same
from rao_gym.tasks.long_context.documents import Document, Facts, Passage
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.schedule import Schedule


class Question(ABC):
    """A question that can be asked of any passage; subclasses are frozen dataclasses."""

    @abstractmethod
    def render(self) -> str:
        """Return the question in words."""

    @classmethod
    @abstractmethod
    def parse(cls, text: str) -> Self | None:
        """Return the question that `render` wrote, or None if the text is not one of this class."""

    @property
    @abstractmethod
    def part(self) -> Part:
        """The question to ask of parts of the passage."""

    @abstractmethod
    def conclude(self, merged: JSON) -> JSON:
        """Return the answer that follows from the part's answer for the whole passage."""

    def truth(self, passage: Passage) -> JSON:
        """Return the exact answer for a passage."""
        return self.conclude(self.part.truth(passage))

    def score(self, value: JSON, passage: Passage) -> float:
        """Return how good an answer is, in [0, 1]."""
        return float(same(value, self.truth(passage)))

    def needs(self, other: Question, passage: Passage) -> bool:
        """Tell whether this question about more lines needs what another one asks about some of them.

        The answer must not follow from the words of the other question alone.

        Args:
            other: The other question.
            passage: The lines that it asks about.
        """
        return other in (self, self.part)

    def asks_the_same(self, other: Question, passage: Passage) -> bool:
        """Tell whether another question about the same lines leaves nothing of this one to be found out."""
        return self.part == other.part or (self.needs(other, passage) and other.needs(self, passage))

    def is_well_posed(self, passage: Passage) -> bool:
        """Tell whether it has one answer for a passage, and one that is hard to guess."""
        return True


class Part(Question):
    """A question whose answers for parts of a passage merge into the answer for the whole.

    Attributes:
        max_answer_tokens: What an answer takes at most in a transcript, with the default schedule.
    """

    max_answer_tokens: int = 120

    @property
    def part(self) -> Part:
        """The question itself."""
        return self

    def conclude(self, merged: JSON) -> JSON:
        """Return the merged answer as it is."""
        return merged

    @abstractmethod
    def truth(self, passage: Passage) -> JSON:
        """Return the exact answer for a passage."""

    @abstractmethod
    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Return the answer for a passage from the answers for its parts; ill-formed ones are left out."""

    @abstractmethod
    def read(self, lines: Sequence[str]) -> JSON:
        """Answer by reading the lines of a passage: what a careful reader would find."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Draft:
    """What a task hides in its document, and what it may ask about it.

    Attributes:
        sentences: The sentences, in the order in which the document tells them.
        facts: What they tell; line i is sentence i.
        questions: Questions to ask, the preferred one first; the last one is always well posed.
    """

    sentences: Sequence[str]
    facts: Facts
    questions: Sequence[Question]

    def question_about(self, document: Document) -> Question:
        """Return the first question that has one answer, and one that is hard to guess."""
        passage = Passage(document, 0, len(document.lines))
        return next((question for question in self.questions if question.is_well_posed(passage)), self.questions[-1])


DraftFunction = Callable[[np.random.Generator, Schedule], Draft]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of task: all that the family has to know of it.

    Attributes:
        name: The name that users give.
        hides: What it hides among the prose, for the rules, such as ``access codes``.
        wordings: The sentences that tell its facts; lines of the user's own text that read like one are left out.
        questions: The types of questions that it asks: of the whole document, and of parts of it.
        variants: What drafts a task, by variant; a kind without variants has a single one, named ``""``.
        prose: Whether its sentences are hidden among lines of prose; otherwise they are the document, and its lines
            are pages. The kinds with prose are those that ``mixed`` draws from.
    """

    name: str
    hides: str
    wordings: Wordings
    questions: tuple[type[Question], ...]
    variants: Mapping[str, DraftFunction]
    prose: bool = True


def squeeze(text: str) -> str:
    """Return a text on one line, with single spaces."""
    return " ".join(text.split())


def add_counts(answers: Sequence[JSON]) -> dict[str, JSON]:
    """Add up answers that are objects of counts; keys are sorted."""
    total: Counter[str] = Counter()
    for answer in answers:
        total.update(as_counts(answer))
    return {key: total[key] for key in sorted(total)}
