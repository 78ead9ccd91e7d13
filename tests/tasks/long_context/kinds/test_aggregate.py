"""Aggregation: questions that cannot be guessed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from slow_reader import filters, sampled, slow_records, visible_lines

from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.aggregate import MIN_COUNT, CountRecords, Difference, Extreme
from rao_gym.tasks.long_context.kinds.records import Filter, num_matching


def test_every_type_of_question_is_asked_and_well_posed() -> None:
    asked = set()
    for index in range(40):
        task = LongContext(kind="aggregate").sample(1, "validation", index, 4)
        question = parse_question(task.goal)
        assert question is not None
        assert question.is_well_posed(task.context)
        asked.add(type(question))
    assert asked == {CountRecords, Difference, Extreme}


@given(filters, filters)
@settings(deadline=None)
def test_a_count_is_well_posed_when_it_is_large(more: Filter, less: Filter) -> None:
    _, task = sampled("aggregate")
    large = [num_matching(task.context, records) >= MIN_COUNT for records in (more, less)]
    assert CountRecords(more).is_well_posed(task.context) == large[0]
    assert Difference(more, less).is_well_posed(task.context) == all(large)


@given(st.booleans(), st.integers(0, 200), st.integers(1, 60))
@settings(deadline=None)
def test_an_extreme_is_well_posed_when_one_person_alone_has_it(most: bool, start: int, size: int) -> None:
    family, task = sampled("aggregate")
    end = task.context.end
    passage = Passage(task.context.document, min(start, end - 1), min(start + size, end))
    ranked = [
        count for _, count in Counter(row[1] for row in slow_records(visible_lines(family, passage))).most_common()
    ]
    best = ranked[:2] if most else ranked[::-1][:2]
    assert Extreme(most, "person", Filter()).is_well_posed(passage) == (len(best) == 2 and best[0] != best[1])
