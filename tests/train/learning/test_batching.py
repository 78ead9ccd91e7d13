"""Batches: every sequence once, bounded size, and the right positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import make_trajectory

from rao_gym.errors import InvalidValueError
from rao_train.learning.batching import input_length, micro_batches, pad, split
from rao_train.rollout.trajectory import TokenSequence

CPU = torch.device("cpu")


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000))
def test_micro_batches_hold_every_sequence_once_within_the_bound(lengths: list[int], bound: int) -> None:
    plan = micro_batches(lengths, bound)
    assert sorted(place for places in plan for place in places) == list(range(len(lengths)))
    for places in plan:
        longest = max(lengths[place] for place in places)
        assert longest == lengths[places[0]]
        assert longest * len(places) <= bound or len(places) == 1


def test_similar_lengths_share_a_batch() -> None:
    assert micro_batches([3, 90, 4, 100, 5], 200) == [[3, 1], [4, 2, 0]]
    assert micro_batches([7, 7, 7], 14) == [[0, 1], [2]]  # equal lengths keep their order
    assert micro_batches([50], 10) == [[0]]  # too long for the bound: alone
    assert micro_batches([], 10) == []


@given(st.integers(0, 40), st.integers(1, 9), st.integers(0, 3))
def test_split_shares_out_evenly_and_reproducibly(num_items: int, num_parts: int, seed: int) -> None:
    items = list(range(num_items))
    parts = split(items, num_parts, np.random.default_rng(seed))
    assert sorted(item for part in parts for item in part) == items
    assert len(parts) == min(num_parts, num_items)
    assert max(map(len, parts), default=0) - min(map(len, parts), default=0) <= 1
    assert parts == split(items, num_parts, np.random.default_rng(seed))


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4), st.integers(0, 3))
def test_split_keeps_groups_together(groups: list[int], num_parts: int, seed: int) -> None:
    items = list(enumerate(groups))
    parts = split(items, num_parts, np.random.default_rng(seed), key=lambda item: item[1])
    assert sorted(item for part in parts for item in part) == items
    kinds = [{group for _, group in part} for part in parts]
    assert sum(map(len, kinds)) == len(set(groups))
    assert len(parts) == min(num_parts, len(set(groups)))
    assert max(map(len, kinds), default=0) - min(map(len, kinds), default=0) <= 1


def test_split_into_nothing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="num_parts must be at least 1, got 0"):
        split([1], 0, np.random.default_rng(0))


def test_pad_by_hand() -> None:
    sequences = [
        TokenSequence(
            tokens_T=np.array([5, 6, 7, 8, 9], dtype=np.int32), mask_T=np.array([False, True, False, True, False])
        ),
        TokenSequence(tokens_T=np.array([3, 4], dtype=np.int32), mask_T=np.array([False, True])),
    ]
    batch = pad(sequences, CPU)
    assert batch.inputs_BT.tolist() == [[5, 6, 7], [3, 0, 0]]  # 8 is the last one learned; 8 and 9 are never read
    assert batch.targets_P.tolist() == [6, 8, 4]
    assert batch.positions_P.tolist() == [0, 2, 3]
    assert batch.sequences_P.tolist() == [0, 0, 1]


@settings(deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=10), st.integers(0, 1000))
def test_the_learned_tokens_are_exactly_those_under_the_masks(lengths: list[int], seed: int) -> None:
    sequences = [make_trajectory(length, seed=seed + place) for place, length in enumerate(lengths)]
    batch = pad(sequences, CPU)
    expected = np.concatenate([sequence.tokens_T[sequence.mask_T] for sequence in sequences])
    assert batch.targets_P.tolist() == expected.tolist()
    width = batch.inputs_BT.shape[1]
    assert width == max(map(input_length, sequences))
    for position, target, row in zip(batch.positions_P, batch.targets_P, batch.sequences_P, strict=True):
        column = int(position) - int(row) * width
        assert sequences[row].tokens_T[column] == batch.inputs_BT[row, column]
        assert sequences[row].tokens_T[column + 1] == target
        assert sequences[row].mask_T[column + 1]
