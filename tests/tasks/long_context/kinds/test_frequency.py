"""Coined words: how many there are, how close they are, and ties."""

from __future__ import annotations

from itertools import combinations

from slow_reader import sampled, slow_words, visible_lines

from rao_gym.jsonable import JSON
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds.frequency import TopWords, WordTable


def test_the_most_common_words_lead_by_a_few_occurrences() -> None:
    task = LongContext(kind="frequency", num_words=30, fact_share=0.8).sample(0, "train", 0, 3)
    counts = sorted(slow_words(task.context.document.lines).values(), reverse=True)
    assert len(counts) == len(set(task.context.document.facts[WordTable].ids.tolist())) == 30
    assert counts[0] > counts[1] > counts[2] > counts[3]
    assert counts[0] - counts[3] <= 8


def test_ties_may_change_places() -> None:
    family, task = sampled("frequency")
    first, last = (int(task.context.document.facts[WordTable].lines[row]) for row in (0, -1))
    passage = next(
        passage
        for passage in (Passage(task.context.document, first, end) for end in range(first + 1, last))
        if len(counts := slow_words(visible_lines(family, passage))) > len(set(counts.values()))
    )
    counts = slow_words(visible_lines(family, passage))
    tied = next([one, other] for one, other in combinations(counts, 2) if counts[one] == counts[other])
    goal = TopWords(len(counts)).render()
    ranked: list[JSON] = [word for word, _ in counts.most_common()]
    assert family.verify(task, Agent(goal=goal, context=passage), ranked) == 1.0
    swapped: list[JSON] = [tied[0] if word == tied[1] else tied[1] if word == tied[0] else word for word in ranked]
    assert swapped != ranked
    assert family.verify(task, Agent(goal=goal, context=passage), swapped) == 1.0
