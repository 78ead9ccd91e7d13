from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import (
    batch_space,
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.envs.spaces import SAMPLE_CHARS, UnicodeText

any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=50)


@given(text=any_text)
def test_any_unicode_is_contained(text: str) -> None:
    assert text in UnicodeText()
    assert text in UnicodeText(50)
    assert (text in UnicodeText(50, min_length=10)) == (len(text) >= 10)


@pytest.mark.parametrize("other", [None, 3, b"bytes", ["a"], np.array("a")])
def test_only_text_is_contained(other: object) -> None:
    assert other not in UnicodeText()


def test_samples_are_in_the_space_and_mix_scripts() -> None:
    space = UnicodeText(seed=0)
    samples = [space.sample() for _ in range(200)]
    assert all(text in space and len(text) <= SAMPLE_CHARS for text in samples)
    assert len(set(samples)) > 190
    joined = "".join(samples)
    assert any(character.isascii() for character in joined)
    assert any(ord(character) > 0xFFFF for character in joined)
    assert all(len(UnicodeText(100, min_length=80, seed=1).sample()) >= 80 for _ in range(5))
    assert len(space.sample(mask=(7, None))) == 7


def test_equal_seeds_give_equal_samples() -> None:
    one, other = UnicodeText(seed=3), UnicodeText()
    other.seed(3)
    assert [one.sample() for _ in range(20)] == [other.sample() for _ in range(20)]


def test_equality_and_repr_are_those_of_the_bounds() -> None:
    assert UnicodeText(5) == UnicodeText(5, seed=1)
    assert UnicodeText(5) != UnicodeText(6)
    assert UnicodeText(5) != UnicodeText(5, min_length=1)
    assert UnicodeText(5) != spaces.Text(5)
    assert repr(UnicodeText(5, min_length=1)) == "UnicodeText(5, min_length=1)"


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda space: pickle.loads(pickle.dumps(space))])
def test_copies_are_equal_and_sample_alike(twin_of: Callable[[UnicodeText], UnicodeText]) -> None:
    space = UnicodeText(9, seed=2)
    twin = twin_of(space)
    assert twin == space
    assert [twin.sample() for _ in range(5)] == [space.sample() for _ in range(5)]


@given(texts=st.lists(any_text, max_size=5))
def test_texts_round_trip_through_json(texts: list[str]) -> None:
    space = UnicodeText()
    assert space.from_jsonable(json.loads(json.dumps(space.to_jsonable(texts)))) == texts


@given(text=any_text)
def test_texts_round_trip_through_flat_arrays(text: str) -> None:
    space = UnicodeText(50)
    flat = spaces.flatten(space, text)
    assert isinstance(flat, np.ndarray)
    assert flat in spaces.flatten_space(space)
    assert flat.shape == (spaces.flatdim(space),)
    assert spaces.unflatten(space, flat) == text


def test_batches_are_tuples_of_text() -> None:
    batched = batch_space(UnicodeText(8), 3)
    assert isinstance(batched, spaces.Tuple)
    assert batched.sample() in batched
    assert ("a", "", "🙂") in batched


@given(first=any_text, second=any_text)
def test_shared_texts_are_always_current(first: str, second: str) -> None:
    space = UnicodeText(50)
    memory = create_shared_memory(space, n=2)
    view: Any = read_from_shared_memory(space, memory, n=2)
    assert tuple(view) == ("", "")
    write: Any = write_to_shared_memory  # typed for arrays
    for text in (first, second):
        write(space, 1, text, memory)
        assert tuple(view) == ("", text)
        assert view[1] == text
        assert copy.deepcopy(view) == ("", text)


class _Echo(gymnasium.Env[dict[str, str], str]):
    """Observes the action."""

    def __init__(self) -> None:
        self.action_space = UnicodeText(100)
        self.observation_space = spaces.Dict({"said": UnicodeText(100)})  # type: ignore[assignment]

    def reset(self, *, seed: int | None = None, options: object = None) -> tuple[dict[str, str], dict[str, object]]:
        return {"said": "begin"}, {}

    def step(self, action: str) -> tuple[dict[str, str], float, bool, bool, dict[str, object]]:
        return {"said": action}, 0.0, False, False, {}


@pytest.mark.parametrize("shared_memory", [True, False])
@pytest.mark.parametrize("copied", [True, False])
def test_asynchronous_environments_hand_over_any_text(shared_memory: bool, copied: bool) -> None:
    envs = gymnasium.vector.AsyncVectorEnv([_Echo, _Echo], shared_memory=shared_memory, copy=copied)
    try:
        observations, _ = envs.reset()
        assert tuple(observations["said"]) == ("begin", "begin")
        for texts in (("héllo\n", "🙂\ud800"), ("", "a longer text than before")):
            observations, *_ = envs.step(texts)
            assert tuple(observations["said"]) == texts
    finally:
        envs.close()
