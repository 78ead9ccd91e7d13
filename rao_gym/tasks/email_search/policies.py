"""Scripted policies: the same skill at searching mails, with and without delegation.

They see what any policy sees, a `Turn`, and keep nothing between turns: what they know, they read from the transcript.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tasks.email_search.questions import Question, fits_name, parse_question
from rao_gym.tasks.email_search.statements import read_statement
from rao_gym.tasks.long_context.answers import canonical
from rao_gym.tasks.scripts import (
    Launch,
    answers_in,
    calls_in,
    may_launch,
    text_of,
    write_finish,
    write_launches,
    write_tool,
)
from rao_gym.tools import LAUNCH
from rao_gym.tree import ChatMessage

SEARCH = "search"
READ = "read"

MAILS_ALONE = 64
"""The reference searches so many mails by itself."""

_MOST_PARTS = 4
_ACTION_TOKENS = 330  # the longest reply, with its action and the answer after it
_OPENING = re.compile(r"Goal: (?P<goal>.*)\nYour mails: (?P<mails>[\d,]+), from (?P<since>\S+) to \S+\.", re.DOTALL)
_LISTED = re.compile(r"#(\d+) (\d{4}-\d\d-\d\d) (.+?): .*")
_TOTAL = re.compile(r"Found \d+; the latest")
_READ_MAIL = re.compile(r"#(\d+)\nDay: .*\nFrom: (.*)\nSubject: .*\n\n(.*)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=\.) ")


@dataclass
class Notes:
    """What an agent knows from its transcript.

    Attributes:
        question: What it was asked; None if the goal is not in the family's words.
        num_mails: Number of its mails.
        listed: Day and sender of the mails that searches listed, by number.
        read: Numbers of the mails that it read.
        answer: What one of them states; None if none does.
        searched: Whether it has searched.
        until: The last day of the next search; None if the searches have listed all mails that fit.
        answers: What its sub-agents answered; None before it launched any.
    """

    question: Question | None
    num_mails: int
    listed: dict[int, tuple[str, str]] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)
    answer: str | None = None
    searched: bool = False
    until: str | None = None
    answers: list[JSON] | None = None


def take_notes(messages: Sequence[ChatMessage]) -> Notes | None:
    """Read a transcript; None if it does not begin as this family's do."""
    opening = _OPENING.match(messages[1]["content"])
    if opening is None:
        return None
    notes = Notes(parse_question(opening["goal"]), int(opening["mails"].replace(",", "")))
    for action, reply in zip(messages[2::2], messages[3::2], strict=False):
        names = {name for name, _ in calls_in(action["content"])}
        text = text_of(reply["content"])
        if LAUNCH in names:
            notes.answers = answers_in(reply["content"])
        elif SEARCH in names:
            _note_list(text, notes)
        elif mail := _READ_MAIL.fullmatch(text):
            _note_mail(int(mail[1]), mail[2], mail[3], notes)
    return notes


def _note_list(text: str, notes: Notes) -> None:
    """Note the mails that a search listed, and whether there are more."""
    found = {int(number): (day, sender) for number, day, sender in _LISTED.findall(text)}
    oldest = min((day for day, _ in found.values()), default=None)
    is_new = bool(found.keys() - notes.listed.keys())
    notes.searched = True
    notes.until = oldest if _TOTAL.match(text) and is_new else None
    notes.listed |= found


def _note_mail(number: int, sender: str, body: str, notes: Notes) -> None:
    """Note what a mail states, if that is what was asked for."""
    notes.read.add(number)
    question = notes.question
    if question is None or not fits_name(question.sender, sender):
        return
    for sentence in _SENTENCE_END.split(body):
        stated = read_statement(sentence)
        if stated and stated[0] == question.attribute and question.thing in ("", stated[1]):
            notes.answer = stated[2]


@dataclass(frozen=True)
class MailPolicy:
    """Searches for the clues of the question, reads the mails that may answer it, and stops at the first that does.

    Attributes:
        delegates: Whether it lets sub-agents search up to four parts of more than 64 mails, all at once.
        written: Whether it writes out their goals; otherwise they get its own.
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
            return write_finish(turn, None)
        num_parts = min(_MOST_PARTS, -(-notes.num_mails // MAILS_ALONE))
        is_new = notes.answers is None and not notes.searched
        if self.delegates and is_new and turn.depth == 0 and num_parts > 1 and may_launch(turn, num_parts):
            goal = notes.question.render() if self.written else ""
            return write_launches(turn, launches_of_parts(num_parts, goal))
        action = next_lookup(turn, notes, notes.question) if notes.answers is None else ""
        return action or write_finish(turn, best_answer(notes))


def launches_of_parts(num_parts: int, goal: str = "") -> list[Launch]:
    """Return the launches of sub-agents on equal parts of the mails; without a goal, they get the agent's own."""
    return [{"part": f"{part}/{num_parts}"} | ({"goal": goal} if goal else {}) for part in range(1, num_parts + 1)]


def best_answer(notes: Notes) -> JSON:
    """Return what a mail stated, or the first answer of a sub-agent that is one."""
    if notes.answers is None:
        return notes.answer
    return next((answer for answer in notes.answers if _is_answer(answer)), None)


def next_lookup(turn: Turn, notes: Notes, question: Question) -> str:
    """Return the action that reads the next mail that may answer, or searches for more; empty if there is none."""
    left = turn.limits
    has_room = (left.window is None or left.window >= _ACTION_TOKENS) and (left.turns is None or left.turns > 1)
    if notes.answer is not None or not has_room:
        return ""
    unread = [
        n for n, (_, sender) in notes.listed.items() if n not in notes.read and fits_name(question.sender, sender)
    ]
    if unread:
        return write_tool(turn, READ, mail=unread[0])
    if notes.searched and notes.until is None:
        return ""
    clue = question.thing.removeprefix("the ") or question.sender
    days = dict(zip(("since", "until"), question.days, strict=True)) if question.period else {}
    if notes.until is not None:
        days["until"] = notes.until
    return write_tool(turn, SEARCH, query=f"{clue} {question.attribute}", **days)


def _is_answer(answer: JSON) -> bool:
    """Tell whether a sub-agent's answer is one."""
    failed = isinstance(answer, str) and answer.startswith(("Subagent failed", "Launch refused"))
    return canonical(answer) is not None and not failed
