"""From sequences to padded batches of bounded size.

Sequences are sorted by length and cut into micro-batches of at most so many tokens, padding included. Similar
lengths share a micro-batch, so little is padded. Every model can read such batches; `packing` asks for more and
computes less. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rao_gym.limits import check_count
from rao_train.rollout.trajectory import TokenSequence

ItemT = TypeVar("ItemT")


def split(
    items: Sequence[ItemT],
    num_parts: int,
    generator: np.random.Generator,
    *,
    key: Callable[[ItemT], Hashable] | None = None,
) -> list[list[ItemT]]:
    """Split the trajectories of a training step into optimizer batches at random.

    Args:
        items: What to split.
        num_parts: Optimizer batches; at most as many as there are units are made.
        generator: Decides which unit goes where.
        key: Items with equal keys stay together, as a unit; when left out, every item is one.

    Returns:
        The parts, none empty, whose numbers of units differ by at most one.

    Raises:
        InvalidValueError: `num_parts` is below 1.
    """
    check_count("num_parts", num_parts)
    if not items:
        return []
    units: dict[Hashable, list[ItemT]] = {}
    for place, item in enumerate(items):
        units.setdefault(place if key is None else key(item), []).append(item)
    whole = list(units.values())
    parts = np.array_split(generator.permutation(len(whole)), min(num_parts, len(whole)))
    return [[item for place in part for item in whole[place]] for part in parts]


def input_length(sequence: TokenSequence) -> int:
    """Return how many tokens the model must read: all before the last one that is learned."""
    return len(sequence.mask_T) - 1 - int(sequence.mask_T[::-1].argmax())


def micro_batches(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Group sequences of similar length so that each padded batch holds at most `max_batch_tokens`.

    Args:
        lengths: Length of each sequence, [B].
        max_batch_tokens: Tokens of a batch, padding included. A sequence that is longer alone makes a batch of
            its own.

    Returns:
        The places of each batch's sequences, longest first.
    """
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):  # stable
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= max_batch_tokens:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


@dataclass(frozen=True, kw_only=True, eq=False)
class PaddedBatch:
    """Sequences as the model reads them; the P learned tokens are listed sequence by sequence, in order.

    Attributes:
        inputs_BT: Token ids, padded on the right, [B, T].
        positions_P: Where in the flattened inputs each learned token is predicted, [P].
        targets_P: The learned tokens, [P].
        sequences_P: The sequence that each learned token belongs to, [P].
    """

    inputs_BT: Tensor
    positions_P: Tensor
    targets_P: Tensor
    sequences_P: Tensor


def pad(sequences: Sequence[TokenSequence], device: torch.device) -> PaddedBatch:
    """Put sequences into one batch; a token is predicted from the position before it."""
    width = max(input_length(sequence) for sequence in sequences)
    inputs_BT = np.zeros((len(sequences), width), dtype=np.int64)  # token 0 pads: nothing looks at it
    positions, targets, owners = [], [], []
    for row, sequence in enumerate(sequences):
        length = input_length(sequence)
        inputs_BT[row, :length] = sequence.tokens_T[:length]
        learned = np.flatnonzero(sequence.mask_T)
        positions.append(row * width + learned - 1)
        targets.append(sequence.tokens_T[learned].astype(np.int64))
        owners.append(np.full(len(learned), row))
    return PaddedBatch(
        inputs_BT=torch.from_numpy(inputs_BT).to(device),
        positions_P=torch.from_numpy(np.concatenate(positions)).to(device),
        targets_P=torch.from_numpy(np.concatenate(targets)).to(device),
        sequences_P=torch.from_numpy(np.concatenate(owners)).to(device),
    )
