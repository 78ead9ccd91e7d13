"""The transcript as the scripted policies read it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rao_gym.jsonable import JSON
from rao_gym.tasks.deep_search.questions import Question, parse_question
from rao_gym.tasks.deep_search.relations import INTRODUCTIONS, read_fact
from rao_gym.tasks.scripts import Launch, answers_in, calls_in, text_of
from rao_gym.tools import LAUNCH
from rao_gym.tree import ChatMessage

SEARCH = "search"
OPEN = "open"

_OPENING = re.compile(r"Goal: (?P<goal>.*)\nThe encyclopedia has [\d,]+ pages\.", re.DOTALL)
_RESULT = re.compile(r"\d+\. (?P<title>.+? \([^)]*\)): (?P<sentence>.+)")
_SENTENCE_END = re.compile(r"(?<=\.)\s")


@dataclass
class Notes:
    """What an agent knows from its transcript.

    Attributes:
        question: What it was asked; None if the goal is not in the family's words.
        tried: Queries that it searched for, and titles that it opened.
        titles: Titles of pages, by everything that the pages' entities may be called.
        facts: What opened pages tell: by title, the value of each relation.
        answers: What each launch returned, by the launch's arguments in JSON.
    """

    question: Question | None
    tried: set[str] = field(default_factory=set)
    titles: dict[str, str] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, JSON] = field(default_factory=dict)

    def answer_to(self, launch: Launch) -> JSON:
        """Return what a launch returned."""
        return self.answers[key_of(launch)]

    def knows(self, launch: Launch) -> bool:
        """Tell whether a launch has returned."""
        return key_of(launch) in self.answers


def key_of(launch: Launch) -> str:
    """Return a launch's arguments as one text."""
    return json.dumps(launch, sort_keys=True)


def take_notes(messages: Sequence[ChatMessage]) -> Notes | None:
    """Read a transcript; None if it does not begin as this family's do."""
    opening = _OPENING.match(messages[1]["content"])
    if opening is None:
        return None
    notes = Notes(parse_question(opening["goal"]))
    for action, reply in zip(messages[2::2], messages[3::2], strict=False):
        calls = calls_in(action["content"])
        launches = [arguments for name, arguments in calls if name == LAUNCH]
        if launches:
            notes.answers |= zip(map(key_of, launches), answers_in(reply["content"]), strict=False)
        else:
            notes.tried |= {str(text) for _, arguments in calls for text in arguments.values()}
            _read_pages(text_of(reply["content"]), notes)
    return notes


def _read_pages(reply: str, notes: Notes) -> None:
    """Note what search results and opened pages say."""
    lines = reply.splitlines()
    for line in lines:
        result = _RESULT.fullmatch(line)
        if result:
            _note_names(result["title"], result["sentence"], notes)
    facts = [fact for line in lines for sentence in _SENTENCE_END.split(line) if (fact := read_fact(sentence))]
    if lines and facts:
        title = lines[0]
        name = title.rpartition(" (")[0]
        notes.facts[title] = {relation: value for subject, relation, value in facts if subject == name}


def _note_names(title: str, sentence: str, notes: Notes) -> None:
    """Note what a page's first sentence says that its entity is called."""
    found = INTRODUCTIONS.read(sentence)
    if found:
        for called in (title, found["alias"], f"the {found['kind']} {found['name']}"):
            notes.titles[called.casefold()] = title
