"""Trails: a chain of references through the document, one step a line, in no order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_object
from rao_gym.tasks.long_context.documents import Passage, StepTable
from rao_gym.tasks.long_context.facts import STEPS
from rao_gym.tasks.long_context.questions.base import Part, Question, squeeze


@dataclass(frozen=True)
class TrailSteps(Part):
    """All steps of all trails; the answer is an object from each place to the next."""

    max_answer_tokens = 180

    def render(self) -> str:
        """Return the question in words."""
        return "List every step of every trail in your lines. Answer with an object from each place to the next one."

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        return cls() if squeeze(text) == cls().render() else None

    def truth(self, passage: Passage) -> JSON:
        """Return the steps in the passage."""
        table, rows = passage.rows(StepTable)
        return dict(zip(map(str, table.sources[rows]), map(str, table.targets[rows]), strict=True))

    def merge(self, answers: Sequence[JSON]) -> JSON:
        """Join the objects."""
        return {source: target for answer in answers for source, target in as_object(answer).items()}

    def read(self, lines: Sequence[str]) -> JSON:
        """Read the lines."""
        found = (STEPS.read(line) for line in lines)
        return {fact["source"]: fact["target"] for fact in found if fact}


@dataclass(frozen=True)
class TrailEnd(Question):
    """Where a trail ends, as far as the passage tells; a place without a next one is the end itself.

    Attributes:
        place: Where the trail starts.
    """

    place: str

    def render(self) -> str:
        """Return the question in words."""
        return (
            f"Follow the trail from {self.place} from place to place, as far as your lines tell. "
            "Where does it end? Answer with the name of the place."
        )

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the question back."""
        match = _TRAIL_END.fullmatch(squeeze(text))
        return cls(match["place"]) if match else None

    @property
    def part(self) -> Part:
        """The question to ask of parts: they cannot know which steps belong to the trail."""
        return TrailSteps()

    def conclude(self, merged: JSON) -> JSON:
        """Walk along the steps; a place that comes up again ends the walk."""
        steps = as_object(merged)
        place, visited = self.place, {self.place}
        while isinstance(following := steps.get(place), str) and following not in visited:
            place = following
            visited.add(place)
        return place


_TRAIL_END = re.compile(re.escape(TrailEnd("PLACE").render()).replace("PLACE", r"(?P<place>[A-Z][a-z]+)"))
