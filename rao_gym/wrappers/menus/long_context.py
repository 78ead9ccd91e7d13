"""The menu of ``rao/LongContext-v0``: read on, split what is unread among sub-agents, or answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log2
from typing import Final

from rao_gym.policies.base import Turn
from rao_gym.tasks.long_context.answers import canonical
from rao_gym.tasks.long_context.kinds import PROSE_KINDS
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.long_context.policies import best_answer, most_parts, reading_room, write_next_read, write_split
from rao_gym.tasks.long_context.transcripts import Notes, take_notes, write_finish
from rao_gym.wrappers.menus.base import Choices, one_hot, ratio

SPLITS: Final = (2, 3, 4, 6, 8, 12, 16)
_MOST_DOUBLINGS: Final = 8

_KIND_OF: Final = {question: kind.name for kind in reversed(PROSE_KINDS.values()) for question in kind.questions}


@dataclass(frozen=True)
class LongContextMenu:
    """Read on, split what is unread among sub-agents, or answer; the careful reading is done for the policy.

    It knows the kinds with prose; of any other question, it only offers to answer "unknown".

    - ``answer``: finish with what follows from the lines that were read and from the sub-agents' answers.
    - ``read_next``: read on, as far as the window has room for. Only before delegating.
    - ``delegate_k``: split the unread lines into k equal parts, and ask a sub-agent about each. Only once, if an agent
      may launch that many, and if the window has room for their answers.

    The features:

    - ``fits``: the share of the unread lines that the window has room for; ``fills``: the share of that room that they
      take; ``size``: how many times the room they are, on a logarithmic scale up to 2^8;
    - ``is_read``: the share of the lines that were read;
    - ``has_delegated``: whether sub-agents have answered;
    - ``has_found``: whether there is anything to answer yet;
    - a feature for each kind of question.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Answer, read, and a split for each number of parts."""
        return ("answer", "read_next", *(f"delegate_{num_parts}" for num_parts in SPLITS))

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to read, what was done, and the kind of question."""
        kinds = (f"is_{name}" for name in PROSE_KINDS)
        return ("fits", "fills", "size", "is_read", "has_delegated", "has_found", *kinds)

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        notes = take_notes(turn.messages)
        if notes is None:
            return Choices([0.0] * len(self.features), {"answer": partial(write_finish, turn, "unknown")})
        return Choices(_features(turn, notes), _texts(turn, notes))


def _texts(turn: Turn, notes: Notes) -> dict[str, Callable[[], str]]:
    """Return the possible actions; what was delegated is not read or delegated again, lest it count twice."""
    texts: dict[str, Callable[[], str]] = {"answer": lambda: write_finish(turn, best_answer(notes))}
    if notes.answers is None:
        if (reading := write_next_read(turn, notes)) is not None:
            texts["read_next"] = lambda: reading
        most = most_parts(turn, notes)
        texts |= {f"delegate_{k}": partial(write_split, turn, notes, k) for k in SPLITS if k <= most}
    return texts


def _features(turn: Turn, notes: Notes) -> list[float]:
    """Return the features."""
    room = max(1.0, reading_room(turn, notes))
    unread = (notes.end - notes.unread) * notes.tokens_per_line
    has_read = bool(notes.seen)
    return [
        ratio(room, unread),
        ratio(unread, room),
        min(1.0, log2(1 + unread / room) / _MOST_DOUBLINGS),
        ratio(len(notes.seen), notes.end - notes.start),
        float(notes.answers is not None),
        float((has_read or notes.answers is not None) and canonical(best_answer(notes)) is not None),
        *one_hot(_kind_of(notes.question), list(PROSE_KINDS)),
    ]


def _kind_of(question: Question | None) -> str | None:
    """Return the name of the kind that asks a question; of several, the first one."""
    return None if question is None else _KIND_OF.get(type(question))
