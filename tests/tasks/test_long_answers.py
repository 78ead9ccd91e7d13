"""Answers longer than any right one: wrong in every family, without being read."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from rao_gym import make_setup
from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import MAX_SIZE, as_items, as_object, same, same_items

LONG: dict[str, JSON] = {
    "statements": "a;" * 4_000_000,
    "JSON": "[" + "1," * 4_000_000 + "1]",
    "an object": '{"a":' * 2_000_000,
    "spaces": " " * 8_000_000,
    "a number": "1" * 8_000_000,
    "parentheses": "(" * 8_000_000,
    "a list": [0] * 1_000_000,
    "lists": [[1]] * 1_000_000,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "arithmetic": ("rao/Arithmetic-v0", {}),
    "arithmetic modulo": ("rao/Arithmetic-v0", {"kind": "modular", "modulus": 13}),
    "composed code": ("rao/Code-v0", {}),
    "library code": ("rao/Code-v0", {"source": "stdlib"}),
    "needle": ("rao/LongContext-v0", {"kind": "needle", "variant": "multi_value"}),
    "aggregate": ("rao/LongContext-v0", {"kind": "aggregate"}),
    "frequency": ("rao/LongContext-v0", {"kind": "frequency"}),
    "pairs": ("rao/LongContext-v0", {"kind": "pairs"}),
    "trace": ("rao/LongContext-v0", {"kind": "trace"}),
    "one thread": ("rao/DeepSearch-v0", {"num_questions": 1}),
    "several threads": ("rao/DeepSearch-v0", {}),
    "mail": ("rao/EmailSearch-v0", {}),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_long_answers_are_wrong_and_nothing_is_made_of_them(family: str) -> None:
    id, options = FAMILIES[family]
    built = make_setup(id, **options).family
    task = built.sample(0, "test", 0, 2)
    built.verify(task, task.root, "warm")  # starts workers and fills caches
    for name, answer in LONG.items():
        tracemalloc.start()
        signal = built.verify(task, task.root, answer)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert signal == 0.0, name
        assert peak < 4 * 2**20, name  # whoever reads an answer makes at least a copy of it
    built.close()


def test_long_answers_of_users_are_read_as_long_as_the_right_one_is() -> None:
    truth: list[JSON] = ["word"] * MAX_SIZE
    assert same([" WORD"] * MAX_SIZE, truth)
    assert not same(truth, ["word"])
    assert not same(" ".join(["word"] * MAX_SIZE), "word")


def test_a_long_answer_is_neither_nothing_nor_an_object() -> None:
    for answer in LONG.values():
        assert len(as_items(answer)) == 1
        assert as_object(answer) == {}
        assert not same_items(answer, [])
        assert not same(answer, None)
