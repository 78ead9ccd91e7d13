"""Needles: how many codes there are, and how they are asked for."""

from __future__ import annotations

import pytest

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.needle import CodesOf, CodeTable, FindCodes
from rao_gym.tasks.long_context.lexicon import KEYS


def test_the_longest_questions_are_read() -> None:
    question = FindCodes(tuple(sorted(KEYS, key=len)[-32:]))
    assert parse_question(question.render()) == question


@pytest.mark.parametrize(
    ("variant", "num_codes", "num_keys"), [("single", 1, 1), ("multi_key", 9, 9), ("multi_value", 4, 1)]
)
def test_one_key_is_asked_for(variant: str, num_codes: int, num_keys: int) -> None:
    family = LongContext(kind="needle", variant=variant, num_keys=9, num_values=4)
    task = family.sample(0, "train", 0, 1)
    question, codes = parse_question(task.goal), task.context.document.facts[CodeTable]
    assert isinstance(question, CodesOf)
    assert question.key in codes.keys
    assert (len(codes.codes), len(set(codes.keys))) == (num_codes, num_keys)


def test_several_keys_are_asked_for() -> None:
    family = LongContext(kind="needle", variant="multi_query", num_queries=5, num_keys=9)
    task = family.sample(0, "train", 0, 1)
    question = parse_question(task.goal)
    assert isinstance(question, FindCodes)
    assert len(question.keys) == 5
    assert len(task.context.document.facts[CodeTable].codes) == 9


def test_codes_are_compared_key_by_key_in_any_order() -> None:
    task = LongContext(kind="needle", variant="multi_query", num_queries=3).sample(0, "train", 0, 1)
    question = parse_question(task.goal)
    assert isinstance(question, FindCodes)
    right = question.truth(task.context)
    assert isinstance(right, dict)
    backwards: dict[str, JSON] = {key.upper(): right[key] for key in reversed(right)}
    assert question.score(backwards, task.context) == 1.0
    first, second, *_ = right
    swapped: dict[str, JSON] = {**right, first: right[second], second: right[first]}
    assert question.score(swapped, task.context) == 0.0
