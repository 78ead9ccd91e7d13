"""Pairs: few among many people, and their score."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from slow_reader import sampled, slow_records

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.pairs import EqualPairs


def test_pairs_are_scored_by_f1() -> None:
    family, task = sampled("pairs")
    question = parse_question(task.goal)
    assert question is not None
    pairs: Any = question.truth(task.context)
    assert len(pairs) == 1
    one, other = pairs[0]
    wrong: list[JSON] = [["Zed", "Ana"]]
    assert family.verify(task, task.root, [[other, one]]) == 1.0
    assert family.verify(task, task.root, [one, other]) == 1.0
    assert family.verify(task, task.root, f'[["{one}", "{other}"]]') == 1.0
    assert family.verify(task, task.root, pairs + wrong) == pytest.approx(2 / 3)
    assert family.verify(task, task.root, wrong) == 0.0
    assert family.verify(task, task.root, []) == 0.0


def test_few_people_share_a_count() -> None:
    task = LongContext(kind="pairs", num_people=20).sample(0, "train", 0, 5)
    question = parse_question(task.goal)
    assert isinstance(question, EqualPairs)
    records = slow_records(task.context.document.lines)
    counts = Counter(person for category, person, _ in records if category == question.records.category)
    assert len(counts) == 20
    assert 16 <= len(set(counts.values())) < 20
