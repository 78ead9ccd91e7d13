"""Hashes of tasks: equal in every process, different for every change."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rao_gym import make_setup
from rao_gym.errors import InvalidValueError
from rao_gym.tasks.content import content_hash

IDS = (
    "rao/LongContext-v0",
    "rao/Arithmetic-v0",
    "rao/Code-v0",
    "rao/TextCraft-v0",
    "rao/DeepSearch-v0",
    "rao/EmailSearch-v0",
)


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


class Colour(Enum):
    RED = 1
    BLUE = 2


def test_different_contents_have_different_hashes() -> None:
    values: tuple[Any, ...] = (
        *(None, True, False, 0, 1, -1, 1.0, 0.5, "", "1", "a", b"a", "ab", ("a", "b"), ["a", "b"], ("ab",), (), [], {}),
        *({"a": 1}, {"a": "1"}, {1: "a"}, {1, 2}, {1}, frozenset({1}), Pair(1, 2), Pair(2, 1), Pair(1, (2,))),
        *(Colour.RED, Colour.BLUE, np.zeros(2), np.zeros((2, 1)), np.zeros(2, np.int8), (("a",), "b"), ("a", ("b",))),
        *("\ud800", "\ufffd"),
    )
    assert len({content_hash(value) for value in values}) == len(values)


def test_arrays_of_objects_are_hashed_by_what_they_hold() -> None:
    def words(*texts: str) -> np.ndarray[Any, Any]:
        return np.array(["".join(list(text)) for text in texts], dtype=object)  # new texts at new addresses

    assert content_hash(words("some", "words")) == content_hash(words("some", "words"))
    assert content_hash(words("some", "words")) != content_hash(words("other", "words"))
    assert content_hash(words("a", "b")) != content_hash(words("a", "b").reshape(2, 1))


def test_deep_values_need_no_recursion() -> None:
    def nested(depth: int) -> Any:
        value: Any = 0
        for _ in range(depth):
            value = Pair(value, 1)
        return value

    assert content_hash(nested(50_000)) == content_hash(nested(50_000)) != content_hash(nested(50_001))


def test_values_of_unknown_content_are_named() -> None:
    with pytest.raises(InvalidValueError, match="got object"):
        content_hash([object()])


@pytest.mark.parametrize("id", IDS)
def test_a_task_has_one_hash_in_every_process(id: str) -> None:
    program = (
        "import sys; from rao_gym import make_setup\n"
        "print(make_setup(sys.argv[1]).family.sample(1, 'train', 2, 2).content_hash)"
    )
    root = Path(__file__).parents[2]
    elsewhere = subprocess.run(
        [sys.executable, "-c", program, id],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    family = make_setup(id).family
    task = family.sample(1, "train", 2, 2)
    assert task.content_hash == elsewhere
    hashes = {family.sample(seed, "train", index, 2).content_hash for seed in (1, 2) for index in range(4)}
    assert len(hashes) == 8
    renamed = replace(task, record=replace(task.record, id="another name", index=99))
    assert renamed.content_hash == task.content_hash
    assert replace(task, record=replace(task.record, goal="another goal")).content_hash != task.content_hash


def test_contents_that_contain_themselves_have_no_hash() -> None:
    value: list[Any] = [1]
    value.append(Pair(left=value, right=2))
    with pytest.raises(InvalidValueError, match="A list in a task's content contains itself"):
        content_hash(value)
    shared = [1, 2]
    assert content_hash([shared, shared]) == content_hash([[1, 2], [1, 2]])
