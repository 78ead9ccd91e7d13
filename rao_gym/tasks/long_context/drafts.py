"""What a task hides in its document, and putting it between lines of prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.documents import Document, Facts, Passage
from rao_gym.tasks.long_context.haystack import Haystack
from rao_gym.tasks.long_context.questions import Question


@dataclass(frozen=True, eq=False, kw_only=True)
class Draft:
    """What a task hides.

    Attributes:
        sentences: The sentences, in the order in which the document tells them.
        facts: What they tell; line i is sentence i.
        questions: Questions to ask, the preferred one first; the last one is always well posed.
    """

    sentences: Sequence[str]
    facts: Facts
    questions: Sequence[Question]


def assemble(draft: Draft, haystack: Haystack, num_tokens: int, rng: np.random.Generator) -> Document:
    """Hide a draft at random places of prose.

    Raises:
        InvalidValueError: The sentences alone are longer than the document should be.
    """
    room = CHARACTERS_PER_TOKEN * num_tokens - sum(len(sentence) + 1 for sentence in draft.sentences)
    if room < 0:
        needed = num_tokens + -(room // CHARACTERS_PER_TOKEN)
        raise InvalidValueError(f"document_tokens={num_tokens} cannot hold this task's facts, which take {needed}.")
    prose = haystack.draw(room, rng)
    num_lines = len(prose) + len(draft.sentences)
    positions = np.sort(rng.choice(num_lines, len(draft.sentences), replace=False))
    is_prose = np.ones(num_lines, dtype=np.bool_)
    is_prose[positions] = False
    lines = np.empty(num_lines, dtype=object)
    lines[positions] = draft.sentences
    lines[is_prose] = prose
    return Document(tuple(lines.tolist()), draft.facts.placed(positions))


def well_posed_question(questions: Sequence[Question], document: Document) -> Question:
    """Return the first question that has one answer, and one that is hard to guess."""
    passage = Passage(document, 0, len(document.lines))
    return next((question for question in questions if question.is_well_posed(passage)), questions[-1])
