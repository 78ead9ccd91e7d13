"""The transcript as the scripted policies read it, and the actions that they write, in either action form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rao_gym.actions import read_calls, write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tasks.deep_search.questions import Question, parse_question
from rao_gym.tasks.deep_search.relations import INTRODUCTIONS, read_fact
from rao_gym.tools import FINISH, LAUNCH
from rao_gym.tree import ChatMessage

SEARCH = "search"
OPEN = "open"

_OPENING = re.compile(r"Goal: (?P<goal>.*)\nThe encyclopedia has [\d,]+ pages\.", re.DOTALL)
_RESULT = re.compile(r"\d+\. (?P<title>.+? \([^)]*\)): (?P<sentence>.+)")
_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)
_TRIED = re.compile(rf"(?:{SEARCH}|{OPEN})\((\".*\")\)")
_LAUNCHES = re.compile(r"^launches = (.*)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=\.)\s")

Launch = Mapping[str, str | int]
"""The arguments of a launch."""


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
        launches = _launches_in(action["content"])
        if launches:
            notes.answers |= zip(map(key_of, launches), _answers_in(reply["content"]), strict=False)
        else:
            notes.tried |= _tried_in(action["content"])
            _read_pages(reply["content"], notes)
    return notes


def write_search(turn: Turn, query: str) -> str:
    """Return the action that searches."""
    return write_call(SEARCH, query=query) if turn.actions == "tools" else write_cell(f"{SEARCH}({json.dumps(query)})")


def write_open(turn: Turn, title: str) -> str:
    """Return the action that shows a page."""
    return write_call(OPEN, page=title) if turn.actions == "tools" else write_cell(f"{OPEN}({json.dumps(title)})")


def write_launches(turn: Turn, launches: Sequence[Launch]) -> str:
    """Return the action that launches sub-agents, all at once."""
    if turn.actions == "tools":
        return "\n".join(write_call(LAUNCH, **launch) for launch in launches)
    return write_cell(
        "import json\n"
        f"launches = {json.dumps(list(launches))}\n"
        f"answers = await asyncio.gather(*[{LAUNCH}(**launch) for launch in launches])\n"
        "print(json.dumps(answers))"
    )


def write_finish(turn: Turn, answer: JSON) -> str:
    """Return the action that hands back an answer."""
    return write_call(FINISH, answer=answer) if turn.actions == "tools" else write_cell(f"{FINISH}({answer!r})")


def _launches_in(action: str) -> list[Launch]:
    """Return the arguments of the launches in one of the policies' own actions."""
    listed = _LAUNCHES.search(action)
    launches: list[Launch] = [] if listed is None else json.loads(listed[1])
    return launches + [call.arguments for call in read_calls(action) if call.name == LAUNCH]


def _tried_in(action: str) -> set[str]:
    """Return what one of the policies' own actions searches for or opens."""
    called = {str(text) for call in read_calls(action) for text in call.arguments.values()}
    return called | {json.loads(written) for written in _TRIED.findall(action)}


def _answers_in(reply: str) -> list[JSON]:
    """Return the values that launches returned; a sentence about a failure stays text."""
    responses = _RESPONSE.findall(reply)
    if responses:
        return [_value(response) for response in responses]
    values = _value(reply.partition("\n")[0])
    return values if isinstance(values, list) else [values]


def _read_pages(reply: str, notes: Notes) -> None:
    """Note what search results and opened pages say."""
    lines = reply.replace("<tool_response>\n", "").splitlines()
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


def _value(text: str) -> JSON:
    """Return what a JSON text holds, or the text."""
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
