"""Scripted policies: the same skill at searching, with and without delegation.

They see what any policy sees, a `Turn`, and keep nothing between turns: what they know, they read from the transcript.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tasks.deep_search.questions import Question, Thread
from rao_gym.tasks.deep_search.transcripts import OPEN, SEARCH, Notes, take_notes
from rao_gym.tasks.scripts import Launch, may_launch, write_finish, write_launches, write_tool

UNKNOWN = "unknown"

_HOP_TOKENS = 440  # what a search and a page take of the window, with their actions
_ANSWER_TOKENS = 120
_TITLE = re.compile(r".+ \([A-Z][a-z]+\)")


@dataclass(frozen=True)
class SearchPolicy:
    """Follows each question from page to page, and answers with what the pages tell.

    Attributes:
        delegates: Whether it gives questions that do not fit in its window to sub-agents: each question as soon as
            what it begins with is known, and a single question in two halves of its steps.
        written: Whether it writes out the goals of sub-agents; otherwise it names questions and parts.
    """

    delegates: bool
    written: bool = False

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Return an action for each turn."""
        return [self._act(turn) for turn in turns]

    def _act(self, turn: Turn) -> str:
        """Decide on one action."""
        notes = take_notes(turn.messages)
        if notes is None or notes.question is None:
            return write_finish(turn, UNKNOWN)
        question = notes.question
        if notes.answers or (self.delegates and may_launch(turn) and not _fits(turn, notes)):
            return self._delegate(turn, notes, question)
        return _search(turn, notes, question)

    def _delegate(self, turn: Turn, notes: Notes, question: Question) -> str:
        """Launch what can be launched now; finish once all answers are there."""
        pieces = _pieces(question)
        answers: list[JSON] = []
        launches: list[Launch] = []
        for first, after in pieces:
            given = _as_given(answers[-1]) if question.continues(first) else ""
            if given is None:
                answers.append(None)  # what it begins with is still being found
                continue
            launch = self._launch(question, first, after, given)
            if notes.knows(launch):
                answers.append(notes.answer_to(launch))
            elif given == UNKNOWN:
                answers.append(UNKNOWN)
            else:
                answers.append(None)
                launches.append(launch)
        if launches and may_launch(turn, len(launches)):
            return write_launches(turn, launches)
        return write_finish(turn, answers if len(question.threads) > 1 else answers[-1])

    def _launch(self, question: Question, first: int, after: int, given: str) -> Launch:
        """Return the launch of some units."""
        if self.written:
            return {"goal": question.piece(first, after, given).render()}
        if len(question.threads) > 1:
            named: dict[str, str | int] = {"question": after}
        else:
            named = {"part": "right" if first else "left"}
        return named | ({"given": given} if given else {})


def _pieces(question: Question) -> list[tuple[int, int]]:
    """Return the units that each sub-agent gets: one question each, or half of the steps."""
    count = question.num_units
    if len(question.threads) > 1:
        return [(place, place + 1) for place in range(count)]
    return [(0, count // 2), (count // 2, count)]


def _as_given(answer: JSON) -> str | None:
    """Return an answer as the beginning of the next question; None if there is no answer yet."""
    if answer is None:
        return None
    return (
        answer if isinstance(answer, str) and not answer.startswith(("Subagent failed", "Launch refused")) else UNKNOWN
    )


def _search(turn: Turn, notes: Notes, question: Question) -> str:
    """Take the next step towards the first answer that is not known yet, or finish."""
    answers: list[JSON] = []
    for thread in question.threads:
        start = thread.start or str(answers[-1])
        found, action = _follow(turn, notes, thread, start)
        if action and _has_room(turn):
            return action
        answers.append(found)
    return write_finish(turn, answers if len(answers) > 1 else answers[0])


def _follow(turn: Turn, notes: Notes, thread: Thread, start: str) -> tuple[JSON, str]:
    """Follow a thread as far as the notes tell; return the answer, or the action that finds out more."""
    called = start
    for relation in thread.relations:
        title = called if _TITLE.fullmatch(called) else notes.titles.get(called.casefold())
        if title is None:
            query = called.removeprefix("the ")
            return UNKNOWN, "" if query in notes.tried or called == UNKNOWN else write_tool(turn, SEARCH, query=query)
        if title not in notes.facts:
            return UNKNOWN, "" if title in notes.tried else write_tool(turn, OPEN, page=title)
        value = notes.facts[title].get(relation)
        if value is None:
            return UNKNOWN, ""
        called = value
    return int(called) if called.isdecimal() else called, ""


def _fits(turn: Turn, notes: Notes) -> bool:
    """Tell whether all questions fit in what is left of the window and the turns."""
    if notes.question is None or notes.tried:
        return True  # it has begun to work alone
    num_hops = sum(len(thread.relations) for thread in notes.question.threads)
    window, turns = turn.limits.window, turn.limits.turns
    fits_window = window is None or num_hops * _HOP_TOKENS + _ANSWER_TOKENS <= window
    return (fits_window and (turns is None or 2 * num_hops + 1 <= turns)) or notes.question.num_units == 1


def _has_room(turn: Turn) -> bool:
    """Tell whether one more action fits, and the answer after it."""
    window, turns = turn.limits.window, turn.limits.turns
    return (window is None or window >= _HOP_TOKENS + _ANSWER_TOKENS) and (turns is None or turns > 1)
