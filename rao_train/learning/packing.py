"""From the trajectories of a batch to a prefix tree, in which every shared prefix stands once.

The trajectories of a batch overlap: every node reads the rules, siblings share much of their goals, and the rollouts
of a group read the same task. A position's hidden state depends on the tokens up to it alone, so trajectories that
begin alike can share those positions, forward and backward. Sorted by their tokens, sequences come in the order in
which a depth-first walk meets them in the tree: each shares its longest prefix with the one before it. A batch with
more positions than one pass may read is cut in this order, and each pack repeats the trunk that it needs.

A batch that is packed and one that is padded give the same loss, statistics and gradient, because:

1. Every unique prefix of a pack is one position, and every position has one token and one depth.
2. The path of a trajectory visits depth 0, 1, 2, ... and spells the tokens that the trajectory reads.
3. Each sequence owns the positions that it does not share with the one before it: consecutive, the last of its path.
   Every position has one owner.
4. Every learned token belongs to one (position, target) pair, and a pair to at least one token. Copies share pairs,
   yet each keeps its own old log-probability and coefficient.
5. Every trajectory is whole, in one pack.
6. A pack has at most `max_positions` positions, unless a single sequence is longer.

The suffix _U stands for unique positions and _S for unique pairs; the others are in `rao_train.rollout.trajectory`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rao_train.learning.batching import input_length
from rao_train.rollout.trajectory import TokenSequence

KEYS_PER_POSITION = 8
"""Bound of the summed lengths of a pack's paths, in multiples of `max_positions`: attention gathers keys by path."""

_BIG_ENDIAN = np.dtype(">i4")


@dataclass(frozen=True, eq=False)
class Branch:
    """What one distinct sequence of inputs adds to the tree.

    Attributes:
        path: The position at each depth, int64; those from `start` on are consecutive.
        start: Depth of the first position that the branch owns; those before it are other branches'.
    """

    path: NDArray[np.int64]
    start: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Pack:
    """Trajectories as one prefix tree; the P learned tokens are listed trajectory by trajectory, in order.

    Attributes:
        places: The trajectories' places in the batch.
        num_tokens: Tokens that the trajectories read, shared or not.
        tokens_U: Token of each unique position, [U].
        depths_U: Its depth: the number of tokens before it, [U].
        branches: Who owns which positions, in the order of the positions.
        positions_S: Position that predicts the target of each unique pair, [S].
        targets_S: The targets, [S].
        pairs_P: Pair of each learned token, [P].
        sequences_P: Index in `places` of the trajectory of each learned token, ascending, [P].
    """

    places: Sequence[int]
    num_tokens: int
    tokens_U: NDArray[np.int64]
    depths_U: NDArray[np.int64]
    branches: Sequence[Branch]
    positions_S: NDArray[np.int64]
    targets_S: NDArray[np.int64]
    pairs_P: NDArray[np.int64]
    sequences_P: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Copies:
    """Trajectories that read the same tokens, and how many of these the sequence before them reads too."""

    tokens_T: NDArray[np.int32]
    places: list[int]
    num_shared: int


def pack(sequences: Sequence[TokenSequence], max_positions: int) -> list[Pack]:
    """Pack sequences into prefix trees.

    Args:
        sequences: What to pack.
        max_positions: Most unique positions of a pack; a single sequence may be longer.
    """
    if not sequences:
        return []
    return [_pack_of(sequences, part) for part in _cut(_sorted(sequences), max_positions)]


def _sorted(sequences: Sequence[TokenSequence]) -> list[_Copies]:
    """Return the distinct inputs in the order of their tokens, which big-endian bytes have too."""
    places: dict[bytes, list[int]] = {}
    all_tokens = np.concatenate([sequence.tokens_T for sequence in sequences]).astype(_BIG_ENDIAN).tobytes()
    start = 0
    for place, sequence in enumerate(sequences):
        inputs = all_tokens[start : start + _BIG_ENDIAN.itemsize * input_length(sequence)]
        places.setdefault(inputs, []).append(place)
        start += _BIG_ENDIAN.itemsize * len(sequence)
    found: list[_Copies] = []
    before = np.zeros(0, dtype=np.int32)
    for key in sorted(places):
        tokens_T = np.frombuffer(key, dtype=_BIG_ENDIAN).astype(np.int32)
        found.append(_Copies(tokens_T, places[key], _num_shared(before, tokens_T)))
        before = tokens_T
    return found


def _num_shared(first: NDArray[np.int32], second: NDArray[np.int32]) -> int:
    """Return the length of the longest common prefix."""
    length = min(len(first), len(second))
    differs = first[:length] != second[:length]
    place = int(differs.argmax()) if length else 0
    return place if length and differs[place] else length


def _cut(items: Sequence[_Copies], max_positions: int) -> list[list[_Copies]]:
    """Cut sorted sequences into packs, greedily."""
    parts: list[list[_Copies]] = []
    num_positions = num_keys = 0
    for item in items:
        length = len(item.tokens_T)
        num_positions += length - item.num_shared
        num_keys += length
        if not parts or num_positions > max_positions or num_keys > KEYS_PER_POSITION * max_positions:
            parts.append([])
            num_positions = num_keys = length
        parts[-1].append(item)
    return parts


def _pack_of(sequences: Sequence[TokenSequence], items: Sequence[_Copies]) -> Pack:
    """Return the prefix tree of sorted sequences."""
    tokens: list[NDArray[np.int32]] = []
    depths: list[NDArray[np.int64]] = []
    branches: list[Branch] = []
    num_positions = 0
    for item in items:
        start, length = item.num_shared if branches else 0, len(item.tokens_T)
        owned = np.arange(num_positions, num_positions + length - start)
        branches.append(Branch(np.concatenate([branches[-1].path[:start], owned]) if start else owned, start))
        tokens.append(item.tokens_T[start:])
        depths.append(np.arange(start, length))
        num_positions += length - start
    learned = _learned(sequences, items, branches)
    return Pack(
        places=[place for item in items for place in item.places],
        num_tokens=sum(len(item.tokens_T) * len(item.places) for item in items),
        tokens_U=np.concatenate(tokens).astype(np.int64),
        depths_U=np.concatenate(depths),
        branches=branches,
        **learned,
    )


def _learned(
    sequences: Sequence[TokenSequence], items: Sequence[_Copies], branches: Sequence[Branch]
) -> dict[str, NDArray[np.int64]]:
    """Return the learned tokens and their pairs, for all trajectories of a pack at once."""
    chosen = [sequences[place] for item in items for place in item.places]
    lengths_B = np.array([len(sequence) for sequence in chosen])
    path_lengths = [len(branch.path) for branch in branches]
    path_starts_B = np.repeat(_starts(path_lengths), [len(item.places) for item in items])
    learned_P = np.flatnonzero(np.concatenate([sequence.mask_T for sequence in chosen]))
    sequences_P = np.repeat(np.arange(len(chosen)), lengths_B)[learned_P]
    depths_P = learned_P - _starts(lengths_B)[sequences_P] - 1  # a token is predicted from the position before it
    positions_P = np.concatenate([branch.path for branch in branches])[path_starts_B[sequences_P] + depths_P]
    targets_P = np.concatenate([sequence.tokens_T for sequence in chosen])[learned_P].astype(np.int64)
    num_tokens = int(targets_P.max()) + 1
    pairs_S, pairs_P = np.unique(positions_P * num_tokens + targets_P, return_inverse=True)
    return {
        "positions_S": pairs_S // num_tokens,
        "targets_S": pairs_S % num_tokens,
        "pairs_P": pairs_P,
        "sequences_P": sequences_P,
    }


def _starts(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of several concatenated arrays begins."""
    starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    return starts
