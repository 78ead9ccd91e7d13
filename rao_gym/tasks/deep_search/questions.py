"""Questions: threads of relations that are followed from one entity to the next, in words and back.

A thread begins with an entity that it names, or with the answer to the thread before. Each is one numbered question;
a question with a single thread is a plain sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from rao_gym.tasks.deep_search.relations import RELATIONS
from rao_gym.tasks.long_context.kinds.base import squeeze

MAX_GOAL_CHARS = 20_000
"""Longer goals are not read; our longest ones have a quarter of that."""

_HEADING = "Answer these {number} questions with a list, in this order:"
_READ_HEADING = re.compile(r"answer (?:these|the following)(?: \d+)? questions(?: with a list)?(?:,? in this order)?:")
_NUMBERED = re.compile(r"(\d{1,3})[.)] (.+)")
_LEAD = re.compile(
    r"(?:(?:what|who|where|which|when) (?:is|was)|find(?: out)?|tell me|name|give|look up|determine)? ?", re.IGNORECASE
)
_STEP = re.compile(
    rf"(?:the )?({'|'.join(sorted(map(re.escape, RELATIONS), key=len, reverse=True))}) of (.+)", re.IGNORECASE
)
_EARLIER = re.compile(r"\[answer (\d{1,3})\]", re.IGNORECASE)
_MAX_START_CHARS = 120


@dataclass(frozen=True)
class Thread:
    """One question: a chain of relations.

    Attributes:
        start: What the entity is called that it begins with; empty for the answer to the thread before.
        relations: Names of the relations, in the order in which they are followed.
    """

    start: str
    relations: tuple[str, ...]

    def render(self, start: str) -> str:
        """Write the question, beginning with `start`."""
        return "What is " + "".join(f"the {name} of " for name in reversed(self.relations)) + f"{start}?"


@dataclass(frozen=True)
class Question:
    """One or more threads, all of which are asked for.

    It consists of units: its threads, or the steps of its only thread.

    Attributes:
        threads: The threads; the first one names what it begins with.
    """

    threads: tuple[Thread, ...]

    @property
    def num_units(self) -> int:
        """Number of parts that can be told from each other."""
        return len(self.threads) if len(self.threads) > 1 else len(self.threads[0].relations)

    @property
    def unit(self) -> str:
        """What a unit is called."""
        return "question" if len(self.threads) > 1 else "step"

    def continues(self, unit: int) -> bool:
        """Tell whether a unit begins with the result of the one before; units are counted from 0."""
        return unit > 0 and (len(self.threads) == 1 or not self.threads[unit].start)

    def piece(self, first: int, after: int, given: str) -> Self:
        """Return the units first..after-1 as a question of its own.

        Args:
            first: The first unit.
            after: The unit after the last.
            given: What it begins with, if the first unit continues the one before.
        """
        if len(self.threads) == 1:
            start = given if first else self.threads[0].start
            return replace(self, threads=(Thread(start, self.threads[0].relations[first:after]),))
        head, *rest = self.threads[first:after]
        head = replace(head, start=given) if self.continues(first) else head
        return replace(self, threads=(head, *rest))

    def render(self) -> str:
        """Write the question in words."""
        asked = [thread.render(thread.start or f"[answer {place}]") for place, thread in enumerate(self.threads)]
        if len(asked) == 1:
            return asked[0]
        lines = [f"{number}. {text}" for number, text in enumerate(asked, start=1)]
        return "\n".join((_HEADING.format(number=len(asked)), *lines))


def parse_question(text: str) -> Question | None:
    """Read a question as `Question.render` writes it, with some freedom in wording; None if it is none."""
    if len(text) > MAX_GOAL_CHARS:
        return None
    lines = [squeeze(line) for line in text.splitlines() if line.strip()]
    if lines and _READ_HEADING.fullmatch(lines[0].casefold()):
        del lines[0]
    if not lines:
        return None
    if len(lines) == 1 and not _NUMBERED.fullmatch(lines[0]):
        thread = _parse_thread(lines[0], 0)
        return Question((thread,)) if thread else None
    threads = []
    for number, line in enumerate(lines, start=1):
        numbered = _NUMBERED.fullmatch(line)
        thread = _parse_thread(numbered[2], number - 1) if numbered and int(numbered[1]) == number else None
        if thread is None:
            return None
        threads.append(thread)
    return Question(tuple(threads))


def _parse_thread(text: str, num_earlier: int) -> Thread | None:
    """Read one question; one that begins with an answer must begin with the last of the earlier ones."""
    lead = _LEAD.match(text)
    rest = text[lead.end() if lead else 0 :].rstrip("?. ")
    relations = []
    while step := _STEP.fullmatch(rest):
        relations.append(step[1].casefold())
        rest = step[2].strip()
    earlier = _EARLIER.fullmatch(rest)
    if not relations or not rest or len(rest) > _MAX_START_CHARS:
        return None
    if earlier and not 0 < int(earlier[1]) == num_earlier:
        return None
    return Thread("" if earlier else rest, tuple(reversed(relations)))
