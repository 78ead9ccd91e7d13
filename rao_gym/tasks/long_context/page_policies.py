"""Scripted policies for pages: one that solves them, and two that know nothing of when to delegate.

Like all policies they see a `Turn`, and they keep nothing between turns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.long_context.transcripts import answers_in, write_finish, write_halves, write_read_all
from rao_gym.tools import LAUNCH

_OPENING = re.compile(r"Goal: (?P<goal>.*)\nYou have (?P<pages>one page|several pages)\.", re.DOTALL)
_PAGE = re.compile(r"^\w(?:-\w)+$", re.MULTILINE)
_REFUSED = "Launch refused"


@dataclass(frozen=True)
class PagePolicy:
    """Reads one page, and launches both halves of several where it may."""

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Return an action for each turn."""
        return [self._act(turn) for turn in turns]

    def splits(self, turn: Turn, *, several: bool) -> bool:
        """Tell whether to launch both halves."""
        limits = turn.limits
        room = limits.depth != 0 and all(left is None or left >= 2 for left in (limits.children, limits.nodes))
        return several and room and any(spec.name == LAUNCH for spec in turn.tools)

    def _act(self, turn: Turn) -> str:
        """Read or launch first, then answer."""
        opening = _OPENING.match(turn.messages[1]["content"])
        question = parse_question(opening["goal"]) if opening else None
        if opening is None or question is None:
            return write_finish(turn, None)
        if len(turn.messages) > 2:
            return write_finish(turn, _answer(question, turn.messages[2]["content"], turn.messages[3]["content"]))
        if self.splits(turn, several=opening["pages"] != "one page"):
            return write_halves(turn)
        return write_read_all(turn)


@dataclass(frozen=True)
class ReadPolicy(PagePolicy):
    """Reads all of its pages, however many there are; past the window it fails."""

    def splits(self, turn: Turn, *, several: bool) -> bool:
        """Never launch."""
        return False


@dataclass(frozen=True)
class HalvePolicy(PagePolicy):
    """Launches both halves of whatever it was given; of a single page, that is refused and costs it the answer."""

    def splits(self, turn: Turn, *, several: bool) -> bool:
        """Always launch."""
        return True


def _answer(question: Question, action: str, reply: str) -> JSON:
    """Answer from the reply to the first action; 0 is a guess where launches were refused."""
    if LAUNCH not in action:
        return question.part.read(_PAGE.findall(reply))
    answers = answers_in(reply)
    return 0 if any(str(answer).startswith(_REFUSED) for answer in answers) else question.part.merge(answers)
