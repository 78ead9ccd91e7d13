"""Scripted policies: the same skill at searching, with and without delegation.

They see what any policy sees, a `Turn`, and keep nothing between turns: what they know, they read from the transcript.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

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
        if notes.answers or (self.delegates and may_launch(turn) and not _fits(turn, notes)):
            answers, launches = pursue_by_launching(notes, notes.question, written=self.written)
            if launches and may_launch(turn, len(launches)):
                return write_launches(turn, launches)
        else:
            answers, action = pursue_by_searching(turn, notes, notes.question)
            if action and has_room(turn):
                return action
        return write_answers(turn, answers)


def write_answers(turn: Turn, answers: list[JSON]) -> str:
    """Return the action that hands back the answer, or one for each question."""
    return write_finish(turn, answers if len(answers) > 1 else answers[0])


def pursue_by_launching(notes: Notes, question: Question, *, written: bool = False) -> tuple[list[JSON], list[Launch]]:
    """Return the answers that sub-agents have given, None where there is none yet, and what can be launched now.

    Args:
        notes: What the agent knows.
        question: What it was asked.
        written: Whether launches write out the goals; otherwise they name questions and parts.
    """
    answers: list[JSON] = []
    launches: list[Launch] = []
    for first, after in _pieces(question):
        given = _as_given(answers[-1]) if question.continues(first) else ""
        if given is None:
            answers.append(None)  # what it begins with is still being found
            continue
        launch = _launch(question, first, after, given, written=written)
        if notes.knows(launch):
            answers.append(notes.answer_to(launch))
        elif given == UNKNOWN:
            answers.append(UNKNOWN)
        else:
            answers.append(None)
            launches.append(launch)
    return answers if len(question.threads) > 1 else answers[-1:], launches


def _launch(question: Question, first: int, after: int, given: str, *, written: bool) -> Launch:
    """Return the launch of some units."""
    if written:
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


def pursue_by_searching(turn: Turn, notes: Notes, question: Question) -> tuple[list[JSON], str]:
    """Return the answers that pages have told, and the action that finds out more; empty if there is none."""
    answers: list[JSON] = []
    following = ""
    for thread in question.threads:
        start = thread.start or str(answers[-1])
        found, action = _follow(turn, notes, thread, start)
        following = following or action
        answers.append(found)
    return answers, following


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
    return num_hops <= room_for(turn) or notes.question.num_units == 1


def room_for(turn: Turn) -> float:
    """Return how many steps, each a search and a page, fit in what is left of the window and the turns."""
    window, turns = turn.limits.window, turn.limits.turns
    by_window = inf if window is None else max(0, window - _ANSWER_TOKENS) // _HOP_TOKENS
    return min(by_window, inf if turns is None else (turns - 1) // 2)


def has_room(turn: Turn) -> bool:
    """Tell whether one more action fits, and the answer after it."""
    window, turns = turn.limits.window, turn.limits.turns
    return (window is None or window >= _HOP_TOKENS + _ANSWER_TOKENS) and (turns is None or turns > 1)
