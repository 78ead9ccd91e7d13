"""Attention along the paths of a prefix tree, for any model that uses the `AttentionInterface` of `transformers`.

The linear layers of a model see the unique positions as one sequence. In attention, each branch's own positions are
the queries, and the positions of its path are the keys. The alternative, all positions as queries and keys with a mask
that tells ancestors, would compute a multiple of the scores that are needed.

Rows of similar size share one call. A row of queries that begins at depth 0 needs no mask, other than that each token
sees what is before it; other rows are cut into runs of at most `MAX_QUERIES`, since a masked call computes the scores
of later keys too. A layer with a sliding window gathers only the keys in it, counted along the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from rao_gym.errors import InvalidValueError
from rao_train.learning.packing import Branch

NAME = "rao_tree"
"""Name of this attention in `transformers`."""

MAX_QUERIES = 128
"""Most queries of a masked row."""

_WASTE, _SLACK = 1.05, 200
"""A call may compute so many times the scores that its rows need, and so many more for each row."""

_NO_DEPTH = 1 << 40
"""Depth of keys that fill up a row: later than every query."""

_HARMLESS = {"is_causal", "position_ids", "use_cache", "output_attentions", "output_hidden_states", "return_dict"}
"""Keyword arguments of a model's attention that do not change what a position attends to."""


@dataclass(frozen=True, eq=False)
class _Row:
    """Queries at depths `first` to `end` of a path, and keys at depths `oldest` to `end`.

    Attributes:
        path: The position at each depth.
        first: Depth of the first query.
        end: Depth behind the last query.
        oldest: Depth of the first key.
        causal: Whether every query sees all keys up to its own depth, and the first one only itself.
    """

    path: NDArray[np.int64]
    first: int
    end: int
    oldest: int
    causal: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Number of queries and of keys."""
        return self.end - self.first, self.end - self.oldest


@dataclass(frozen=True, eq=False)
class _Call:
    """Rows that one call computes: their number, queries and keys of each, and what is seen; None if causal."""

    num_rows: int
    num_queries: int
    num_keys: int
    mask_B1QK: Tensor | None


@dataclass(frozen=True, eq=False)
class _Rows:
    """All rows of a tree for one window.

    Attributes:
        calls: How they are computed.
        queries: Position of each query of all calls, one call after the other.
        keys: Position of each key.
        places_U: Where among the queries each position is.
    """

    calls: Sequence[_Call]
    queries: Tensor
    keys: Tensor
    places_U: Tensor


class Paths:
    """The paths of a tree as rows of queries and keys, made when a layer first asks for its window.

    Args:
        branches: Who owns which positions.
        device: Where the model is.
    """

    def __init__(self, branches: Sequence[Branch], device: torch.device) -> None:
        self._branches = branches
        self._device = device
        self._rows: dict[tuple[int | None, torch.dtype], _Rows] = {}

    def rows(self, window: int | None, dtype: torch.dtype) -> _Rows:
        """Return the rows of a layer that attends to so many tokens; None for all."""
        longest = max(len(branch.path) for branch in self._branches)
        window = None if window is None or window >= longest else window
        if (window, dtype) not in self._rows:
            groups = _groups([row for branch in self._branches for row in _rows_of(branch, window)])
            self._rows[window, dtype] = _tensors(groups, window, dtype, self._device)
        return self._rows[window, dtype]


def _rows_of(branch: Branch, window: int | None) -> list[_Row]:
    """Return the rows of the positions that a branch owns."""
    path, length = branch.path, len(branch.path)
    if branch.start == 0 and (window is None or length <= window):
        return [_Row(path, 0, length, 0, causal=True)]
    rows = []
    for first in range(branch.start, length, MAX_QUERIES):
        oldest = 0 if window is None else max(0, first - window + 1)
        rows.append(_Row(path, first, min(first + MAX_QUERIES, length), oldest, causal=False))
    return rows


def _groups(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Group rows of similar shape, so that filling them up wastes little."""

    def size(row: _Row) -> tuple[bool, int, int]:
        num_queries, num_keys = row.shape
        return row.causal, num_queries.bit_length(), num_keys

    groups: list[list[_Row]] = []
    needed = widest = longest = 0
    for row in sorted(rows, key=size):
        num_queries, num_keys = row.shape
        needed += num_queries * num_keys
        widest, longest = max(widest, num_queries), max(longest, num_keys)
        if (
            not groups
            or row.causal != groups[-1][0].causal
            or (len(groups[-1]) + 1) * (widest * longest - _SLACK) > _WASTE * needed
        ):
            groups.append([])
            needed, widest, longest = num_queries * num_keys, num_queries, num_keys
        groups[-1].append(row)
    return groups


def _tensors(groups: Sequence[Sequence[_Row]], window: int | None, dtype: torch.dtype, device: torch.device) -> _Rows:
    """Return the rows as tensors."""
    calls, all_queries, all_keys, places = [], [], [], []
    num_before = 0
    for rows in groups:
        num_queries, num_keys = (max(sizes) for sizes in zip(*(row.shape for row in rows), strict=True))
        # Rows are filled up with their last query, which sees itself, and with keys that nothing sees.
        depths_BQ = np.stack([np.minimum(np.arange(row.first, row.first + num_queries), row.end - 1) for row in rows])
        keys_BK = np.zeros((len(rows), num_keys), dtype=np.int64)
        depths_BK = np.full((len(rows), num_keys), _NO_DEPTH)
        for index, row in enumerate(rows):
            keys_BK[index, : row.shape[1]] = row.path[row.oldest : row.end]
            depths_BK[index, : row.shape[1]] = np.arange(row.oldest, row.end)
            owned = row.path[row.first : row.end]
            places.append((owned[0], num_before + index * num_queries, len(owned)))
        all_queries.append(np.stack([row.path[depths_Q] for row, depths_Q in zip(rows, depths_BQ, strict=True)]))
        all_keys.append(keys_BK)
        num_before += len(rows) * num_queries
        mask = None if rows[0].causal else _mask(depths_BQ, depths_BK, window, dtype, device)
        calls.append(_Call(len(rows), num_queries, num_keys, mask))
    places_U = np.concatenate([np.arange(place, place + length) for _, place, length in sorted(places)])
    return _Rows(
        calls=calls,
        queries=torch.from_numpy(np.concatenate([queries.ravel() for queries in all_queries])).to(device),
        keys=torch.from_numpy(np.concatenate([keys.ravel() for keys in all_keys])).to(device),
        places_U=torch.from_numpy(places_U).to(device),
    )


def _mask(
    depths_BQ: NDArray[np.int64],
    depths_BK: NDArray[np.int64],
    window: int | None,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return what is added to the scores: 0 where a query sees a key, −∞ elsewhere."""
    queries_B1Q1 = torch.from_numpy(depths_BQ).to(device)[:, None, :, None]
    keys_B11K = torch.from_numpy(depths_BK).to(device)[:, None, None, :]
    distances_B1QK = queries_B1Q1 - keys_B11K
    hidden_B1QK = distances_B1QK < 0 if window is None else (distances_B1QK < 0) | (distances_B1QK >= window)
    return torch.zeros(hidden_B1QK.shape, dtype=dtype, device=device).masked_fill_(hidden_B1QK, -torch.inf)


def attend_by_path(
    module: nn.Module,
    query_1HUD: Tensor,
    key_1HUD: Tensor,
    value_1HUD: Tensor,
    attention_mask: Tensor | None,
    *,
    rao_paths: Paths | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Compute attention as `transformers` asks for it, with each position seeing its path.

    A soft cap on the scores is ignored, as it is by the SDPA attention of `transformers`, which this one stands for.

    Raises:
        InvalidValueError: The model asks for something that this attention does not know: it is refused, not ignored.
    """
    unknown = [name for name, value in others.items() if name not in _HARMLESS and value is not None]
    unknown += ["attention_mask"] if attention_mask is not None else []
    unknown += ["dropout"] if dropout else []
    if rao_paths is None:
        raise InvalidValueError("its layers do not hand the paths on to their attention")
    if unknown:
        raise InvalidValueError(f"its attention uses {', '.join(unknown)}, which attention by path does not know")
    rows = rao_paths.rows(sliding_window, query_1HUD.dtype)
    queries = _gathered(query_1HUD, rows.queries).split([call.num_rows * call.num_queries for call in rows.calls])
    lengths = [call.num_rows * call.num_keys for call in rows.calls]
    keys = _gathered(key_1HUD, rows.keys).split(lengths)
    values = _gathered(value_1HUD, rows.keys).split(lengths)
    parts = zip(rows.calls, queries, keys, values, strict=True)
    results = [_attend(call, query, key, value, scaling) for call, query, key, value in parts]
    return torch.cat(results).index_select(0, rows.places_U)[None], None


def _attend(call: _Call, query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """Return the result of one call for each of its queries, [queries, H, D]."""
    group = query.shape[1] // key.shape[1]
    if group > 1 and call.mask_B1QK is not None and query.device.type != "cpu":
        # Other devices have no fast kernel for a mask and fewer heads of keys than of queries.
        key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    result_BHQD = scaled_dot_product_attention(
        query.unflatten(0, (call.num_rows, call.num_queries)).transpose(1, 2),
        key.unflatten(0, (call.num_rows, call.num_keys)).transpose(1, 2),
        value.unflatten(0, (call.num_rows, call.num_keys)).transpose(1, 2),
        attn_mask=call.mask_B1QK,
        is_causal=call.mask_B1QK is None,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return result_BHQD.transpose(1, 2).flatten(0, 1)


def _gathered(states_1HUD: Tensor, positions: Tensor) -> Tensor:
    """Return the states of some positions, [positions, H, D]."""
    states_UE = states_1HUD[0].transpose(0, 1).flatten(1)
    return states_UE.index_select(0, positions).view(-1, states_1HUD.shape[1], states_1HUD.shape[3])


AttentionInterface.register(NAME, attend_by_path)
