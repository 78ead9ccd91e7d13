"""Trails: their steps, and where they end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds.trace import StepTable, TrailEnd
from rao_gym.tasks.long_context.lexicon import PLACES


def test_every_step_of_every_trail_is_told() -> None:
    task = LongContext(kind="trace", num_hops=7, num_trails=2).sample(0, "train", 0, 3)
    assert len(task.context.document.facts[StepTable].sources) == 14


def test_children_with_questions_of_their_own_are_verified_against_their_passage() -> None:
    family = LongContext(kind="trace")
    task = family.sample(0, "train", 0, 2)
    steps = task.context.document.facts[StepTable]
    source, target, line = str(steps.sources[0]), str(steps.targets[0]), int(steps.lines[0])
    passage = Passage(task.context.document, line, line + 1)
    goal = TrailEnd(source).render()
    assert family.verify(task, Agent(goal=goal, context=passage), target.upper()) == 1.0
    assert family.verify(task, Agent(goal=goal, context=passage), source) == 0.0
    assert family.verify(task, Agent(goal="Tell me about the trail.", context=passage), target) is None


@given(st.permutations(PLACES[:6]))
def test_a_trail_that_comes_round_ends(places: list[str]) -> None:
    steps: dict[str, JSON] = dict(zip(places, [*places[1:], places[0]], strict=True))
    assert TrailEnd(places[0]).conclude(steps) == places[-1]
