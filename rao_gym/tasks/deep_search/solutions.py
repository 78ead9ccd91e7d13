"""What is true of a question: its answers, and the facts that lead to them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rao_gym.jsonable import JSON
from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.entities import Entity
from rao_gym.tasks.deep_search.questions import Question, Thread
from rao_gym.tasks.deep_search.relations import RELATIONS
from rao_gym.tasks.long_context.answers import as_items, canonical

Fact = tuple[int, str]
"""The number of a subject, and the name of a relation."""

Value = Entity | int | None
"""An entity or a year; None where the encyclopedia does not tell."""


@dataclass(frozen=True)
class Solution:
    """What is true of a question.

    Attributes:
        values: The answer to each thread.
        facts: All facts on the way.
    """

    values: tuple[Value, ...]
    facts: frozenset[Fact]

    @property
    def answer(self) -> JSON:
        """The right answer: titles and years; a list if there are several threads."""
        told: list[JSON] = [value.title if isinstance(value, Entity) else value for value in self.values]
        return told if len(told) > 1 else told[0]

    def is_answered_by(self, value: JSON) -> bool:
        """Tell whether an answer is right: all of its items are, in order."""
        items = [value] if len(self.values) == 1 and not isinstance(value, list) else as_items(value)
        return len(items) == len(self.values) and all(map(_is_right, items, self.values))


def solve(question: Question, encyclopedia: Encyclopedia) -> Solution | None:
    """Follow all threads; None if what one begins with is called by a name that several entities share."""
    values: list[Value] = []
    facts: set[Fact] = set()
    for thread in question.threads:
        called = encyclopedia.called(thread.start) if thread.start else ()
        if len(called) > 1:
            return None
        start = values[-1] if not thread.start else called[0] if called else None
        values.append(_follow(thread, start, encyclopedia, facts))
    return Solution(tuple(values), frozenset(facts))


def _follow(thread: Thread, value: Value, encyclopedia: Encyclopedia, facts: set[Fact]) -> Value:
    """Follow one thread, and add the facts on the way to `facts`."""
    for name in thread.relations:
        if not isinstance(value, Entity) or (value.number, name) not in encyclopedia.facts:
            return None
        facts.add((value.number, name))
        found = encyclopedia.facts[value.number, name]
        value = found if RELATIONS[name].target is None else encyclopedia.entities[found]
    return value


def _is_right(item: JSON, value: Value) -> bool:
    """Compare one answer: an entity may be called by its title, as a page would, or by its alias."""
    form = canonical(item)
    return form in _forms(value)


def _forms(value: Value) -> set[Hashable]:
    """Return everything that a right answer may be."""
    if not isinstance(value, Entity):
        return {canonical(value)}
    names = (value.title, value.mention, value.alias)
    return {canonical(name.removeprefix(article)) for name in names for article in ("", "the ")}
