"""Scripted policies: the same reading skill, with and without delegation.

They see what any policy sees, a `Turn`, and keep nothing between turns: what they know, they read from the
transcript.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.long_context.transcripts import (
    Notes,
    launch_tokens,
    take_notes,
    write_finish,
    write_launches,
    write_read,
)
from rao_gym.tools import LAUNCH

_UNLIMITED = 200_000
_ACTION_TOKENS = 60
_FIRST_READ_SHARE = 0.9
_CHILD_SHARE = 0.85


@dataclass(frozen=True)
class ReadingPolicy:
    """Reads what fits in its window and answers from that.

    Attributes:
        delegates: Whether it splits a passage that does not fit, asks sub-agents about the parts and merges
            their answers.
    """

    delegates: bool

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Return an action for each turn."""
        return [self._act(turn) for turn in turns]

    def _act(self, turn: Turn) -> str:
        """Decide on one action."""
        notes = take_notes(turn.messages)
        if notes is None:
            return write_finish(turn, "unknown")
        room = reading_room(turn, notes)
        num_unread = notes.end - notes.unread
        last_turn = turn.limits.turns is not None and turn.limits.turns <= 1
        if notes.answers is not None or num_unread == 0 or last_turn:
            return write_finish(turn, best_answer(notes))
        fits = int(room / notes.tokens_per_line) >= num_unread
        if self.delegates and not fits and (num_parts := _num_parts(turn, notes)):
            return write_split(turn, notes, num_parts)
        return write_next_read(turn, notes) or write_finish(turn, best_answer(notes))


def reading_room(turn: Turn, notes: Notes) -> float:
    """Return the tokens that may still be read, keeping what an action and the answer take."""
    window = _UNLIMITED if turn.limits.window is None else turn.limits.window
    return window - 2 * _ACTION_TOKENS - _answer_tokens(notes.question)


def write_next_read(turn: Turn, notes: Notes) -> str | None:
    """Return the action that reads on, as far as there is room for; None if there is nothing to read, or no room."""
    num_fitting = int(reading_room(turn, notes) / notes.tokens_per_line)
    num_unread = notes.end - notes.unread
    num_lines = num_unread if num_fitting >= num_unread else int(_FIRST_READ_SHARE * num_fitting)
    return write_read(turn, notes.unread, notes.unread + num_lines, notes.start) if num_lines > 0 else None


def most_parts(turn: Turn, notes: Notes) -> int:
    """Return among how many sub-agents the unread lines can be split, so that there is room for their answers.

    Returns:
        At least two, or 0 when nothing can be delegated.
    """
    if notes.question is None or turn.limits.depth == 0 or not any(spec.name == LAUNCH for spec in turn.tools):
        return 0
    part = notes.question.part
    fixed, each = launch_tokens(turn, part.render(), part.max_answer_tokens)
    allowed = [int((reading_room(turn, notes) - fixed) // each), notes.end - notes.unread]
    allowed += [limit for limit in (turn.limits.children, turn.limits.nodes) if limit is not None]
    return min(allowed) if min(allowed) >= 2 else 0


def write_split(turn: Turn, notes: Notes, num_parts: int) -> str:
    """Return the action that asks one sub-agent about each of several equal parts of the unread lines.

    Raises:
        ValueError: The goal is not in the family's words, so that there is no question to ask.
    """
    if notes.question is None:
        raise ValueError("no question to ask sub-agents")
    num_lines = notes.end - notes.unread
    bounds = [notes.unread + num_lines * part // num_parts for part in range(num_parts + 1)]
    return write_launches(turn, notes.question.part.render(), list(pairwise(bounds)))


def _answer_tokens(question: Question | None) -> int:
    """Return what an answer takes at most."""
    return _ACTION_TOKENS if question is None else question.part.max_answer_tokens


def _num_parts(turn: Turn, notes: Notes) -> int:
    """Return among how many sub-agents to split the unread lines; 0 when nothing can be delegated.

    A sub-agent begins with the same window, so it can read about as much as this one could.
    """
    num_tokens = (notes.end - notes.unread) * notes.tokens_per_line
    num_needed = -int(-num_tokens // (_CHILD_SHARE * max(reading_room(turn, notes), 1)))
    return min(most_parts(turn, notes), max(2, num_needed))


def best_answer(notes: Notes) -> JSON:
    """Answer from what was read and what sub-agents found; answers that are no answers are left out.

    Without sub-agents, what was counted in the lines that were read is scaled up to all lines: the best guess.
    """
    if notes.question is None:
        return "unknown"
    part = notes.question.part
    seen = part.read([notes.seen[number] for number in sorted(notes.seen)])
    if notes.answers is not None:
        merged = part.merge([seen, *notes.answers])
    else:
        merged = _scaled(seen, (notes.end - notes.start) / max(1, len(notes.seen)))
    return notes.question.conclude(merged)


def _scaled(counted: JSON, factor: float) -> JSON:
    """Multiply a count, or every count of an object; anything else stays as it is."""
    if isinstance(counted, dict):
        return {name: _scaled(count, factor) for name, count in counted.items()}
    return round(counted * factor) if isinstance(counted, int) else counted
