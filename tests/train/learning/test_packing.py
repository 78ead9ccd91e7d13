"""Prefix trees: the invariants in the module's docstring, for any batch."""

from __future__ import annotations

import random

import numpy as np
from forks import forked_batch
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_train.learning.batching import input_length
from rao_train.learning.packing import KEYS_PER_POSITION, Pack, pack
from rao_train.rollout.trajectory import TokenSequence

BATCHES = st.builds(
    lambda seed, size, vocabulary: [one.trajectory for one in forked_batch(seed, size, vocabulary)],
    st.integers(0, 10_000),
    st.integers(1, 24),
    st.integers(2, 40),
)
BOUNDS = st.integers(1, 200)


def inputs(sequence: TokenSequence) -> tuple[int, ...]:
    return tuple(sequence.tokens_T[: input_length(sequence)].tolist())


def path_of(one: Pack, sequence: TokenSequence) -> list[int]:
    """Return the path of the one branch that spells what a sequence reads."""
    (path,) = (branch.path for branch in one.branches if tuple(one.tokens_U[branch.path]) == inputs(sequence))
    return [int(position) for position in path]


@settings(deadline=None)
@given(BATCHES, BOUNDS)
def test_every_trajectory_is_in_one_pack_on_a_path_that_spells_it(batch: list[TokenSequence], bound: int) -> None:
    packs = pack(batch, bound)
    assert sorted(place for one in packs for place in one.places) == list(range(len(batch)))
    for one in packs:
        for place in one.places:
            path = path_of(one, batch[place])
            assert one.depths_U[path].tolist() == list(range(len(path)))


@settings(deadline=None)
@given(BATCHES, BOUNDS)
def test_every_prefix_is_one_position_with_one_owner(batch: list[TokenSequence], bound: int) -> None:
    for one in pack(batch, bound):
        read = [inputs(batch[place]) for place in one.places]
        prefixes = {tokens[: depth + 1] for tokens in read for depth in range(len(tokens))}
        assert len(one.tokens_U) == len(one.depths_U) == len(prefixes)
        owned = np.concatenate([branch.path[branch.start :] for branch in one.branches])
        assert owned.tolist() == list(range(len(prefixes)))


@settings(deadline=None)
@given(BATCHES, BOUNDS)
def test_every_learned_token_has_its_pair(batch: list[TokenSequence], bound: int) -> None:
    for one in pack(batch, bound):
        expected = []
        for index, place in enumerate(one.places):
            sequence, path = batch[place], path_of(one, batch[place])
            expected += [(index, path[at - 1], sequence.tokens_T[at]) for at in np.flatnonzero(sequence.mask_T)]
        found = zip(one.sequences_P, one.positions_S[one.pairs_P], one.targets_S[one.pairs_P], strict=True)
        assert list(found) == expected
        pairs = list(zip(one.positions_S, one.targets_S, strict=True))
        assert len(set(pairs)) == len(pairs) == len(set(one.pairs_P))


@settings(deadline=None)
@given(BATCHES, BOUNDS)
def test_packs_are_bounded(batch: list[TokenSequence], bound: int) -> None:
    for one in pack(batch, bound):
        num_keys = sum(len(branch.path) for branch in one.branches)
        assert len(one.branches) == 1 or (len(one.tokens_U) <= bound and num_keys <= KEYS_PER_POSITION * bound)


@settings(deadline=None)
@given(BATCHES, BOUNDS, st.integers(0, 1000))
def test_the_order_of_the_trajectories_does_not_matter(batch: list[TokenSequence], bound: int, seed: int) -> None:
    shuffled = random.Random(seed).sample(batch, len(batch))
    for ours, theirs in zip(pack(batch, bound), pack(shuffled, bound), strict=True):
        for name in ("tokens_U", "depths_U", "positions_S", "targets_S"):
            assert getattr(ours, name).tolist() == getattr(theirs, name).tolist()


def test_a_tree_by_hand() -> None:
    def sequence(*tokens: int) -> TokenSequence:
        return TokenSequence(tokens_T=np.array(tokens, dtype=np.int32), mask_T=np.arange(len(tokens)) >= 2)

    batch = [sequence(5, 1, 300, 9), sequence(5, 1, 2, 9, 8), sequence(5, 1, 300, 7), sequence(4, 6, 6)]
    (one,) = pack(batch, 100)
    assert one.tokens_U.tolist() == [4, 6, 5, 1, 2, 9, 300]  # 300 comes after 2, as numbers do
    assert one.depths_U.tolist() == [0, 1, 0, 1, 2, 3, 2]
    assert one.places == [3, 1, 0, 2]
    assert [branch.start for branch in one.branches] == [0, 0, 2]
    assert [branch.path.tolist() for branch in one.branches] == [[0, 1], [2, 3, 4, 5], [2, 3, 6]]
    assert one.positions_S.tolist() == [1, 3, 3, 4, 5, 6, 6]  # two tokens follow "5 1", and two "5 1 300"
    assert one.targets_S.tolist() == [6, 2, 300, 9, 8, 7, 9]
    assert one.sequences_P.tolist() == [0, 1, 1, 1, 2, 2, 3, 3]


def test_a_pack_repeats_the_trunk_that_it_needs() -> None:
    batch = [one.trajectory for one in forked_batch(0, 20, 40)]
    whole, parts = pack(batch, 10_000), pack(batch, 60)
    assert len(whole) == 1 < len(parts)
    assert sum(len(one.tokens_U) for one in parts) > len(whole[0].tokens_U)
    assert pack([], 60) == []
