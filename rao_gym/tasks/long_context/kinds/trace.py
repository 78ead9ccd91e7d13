"""Trails: a chain of references through the document, one step a line, in no order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_object
from rao_gym.tasks.long_context.documents import Facts, Passage, Table, TextArray, no_texts
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Part, Question, squeeze
from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.lexicon import PLACES
from rao_gym.tasks.long_context.schedule import Schedule

STEPS = Wordings(
    {"source": r"[A-Z][a-z]+", "target": r"[A-Z][a-z]+"},
    "From {source} the trail goes on to {target}.",
    "The trail that passes {source} leads to {target} next.",
    "After {source}, the next place on the trail is {target}.",
)


@dataclass(frozen=True, eq=False)
class StepTable(Table):
    """Steps of trails.

    Attributes:
        sources: [rows] Places.
        targets: [rows] The place that follows each.
    """

    sources: TextArray = field(default_factory=no_texts)
    targets: TextArray = field(default_factory=no_texts)


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

    def needs(self, other: Question, passage: Passage) -> bool:
        """Tell whether the other question asks for steps, or follows this trail for at least one step."""
        if not isinstance(other, TrailEnd):
            return other == self.part
        document = Passage(passage.document, 0, len(passage.document.lines))
        steps = as_object(TrailSteps().truth(document))
        return other.place in self.walk(steps) and other.truth(passage) != other.place

    def conclude(self, merged: JSON) -> JSON:
        """Walk along the steps; a place that comes up again ends the walk."""
        return self.walk(as_object(merged))[-1]

    def walk(self, steps: Mapping[str, JSON]) -> list[str]:
        """Return the places of the trail in order."""
        places = {self.place: None}
        place = self.place
        while isinstance(following := steps.get(place), str) and following not in places:
            place = following
            places[place] = None
        return list(places)


_TRAIL_END = re.compile(re.escape(TrailEnd("PLACE").render()).replace("PLACE", r"(?P<place>[A-Z][a-z]+)"))


def draft_trace(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the steps of several trails in no order, and ask where one of them ends."""
    shape = (schedule.num_trails, schedule.num_hops + 1)
    trails = np.array(PLACES, dtype=object)[rng.choice(len(PLACES), shape, replace=False)]
    order = rng.permutation(schedule.num_trails * schedule.num_hops)
    sources, targets = trails[:, :-1].ravel()[order], trails[:, 1:].ravel()[order]
    sentences = [
        STEPS.write(which, source=source, target=target)
        for which, source, target in zip(STEPS.draw(len(order), rng), sources, targets, strict=True)
    ]
    table = StepTable(np.arange(len(order)), sources, targets)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[TrailEnd(str(trails[0, 0]))])


TRACE = Kind(
    name="trace",
    hides="steps of trails",
    wordings=STEPS,
    questions=(TrailEnd, TrailSteps),
    variants={"": draft_trace},
)
