"""A causal model of `transformers` with its caches: that of the current batch, and those of whole conversations.

Identical prompts are prefilled once, and the KV cache of a conversation is kept from turn to turn, so that a new turn
costs only its new tokens. The decoding loop in `transformers.py` is built on it; `cache_check.py` tests what a model's
cache supports.

Shapes: ``_B`` rows of a batch, ``_N`` tensors of equal heads and width, ``_H`` heads, ``_T`` tokens, ``_D`` width of
a head, ``_V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from rao_train.engines.base import Request

if TYPE_CHECKING:
    from torch import LongTensor

Shape = tuple[int, int]
"""Heads and width of a layer's keys or values, which may differ between layers and between keys and values."""

Past = Mapping[Shape, Tensor]
"""The KV cache of one conversation, [N, H, T, D] for each shape."""


@dataclass(slots=True)
class Rows:
    """The state of a batch during generation.

    Attributes:
        cache: The KV cache, or other states.
        mask_BT: 1 where a column of the cache, or of the tokens being read, holds a token of the row.
        lengths_B: Number of tokens in each row so far, which is the position of its next token.
        requests: The index of each row's request.
        open: Whether each row is still generating.
    """

    cache: DynamicCache
    mask_BT: Tensor
    lengths_B: Tensor
    requests: list[int]
    open: list[bool] = field(default_factory=list)

    def extend(self) -> None:
        """Make room for the next token of each row; rows that have ended get a masked column."""
        column = torch.tensor(self.open, dtype=self.mask_BT.dtype, device=self.mask_BT.device)
        self.mask_BT = torch.cat([self.mask_BT, column[:, None]], dim=1)
        self.lengths_B = self.lengths_B + column

    def select(self, places_B: Tensor) -> None:
        """Keep these rows, in this order; an index may occur several times."""
        self.cache.reorder_cache(
            cast("LongTensor", places_B)
        )  # unlike `batch_select_indices`, it handles recurrent states
        self.mask_BT = self.mask_BT[places_B]
        self.lengths_B = self.lengths_B[places_B]
        self.requests = [self.requests[place] for place in places_B.tolist()]
        self.open = [self.open[place] for place in places_B.tolist()] if self.open else []


class CachedModel:
    """Reads tokens with a model, and optionally keeps conversations.

    `cache_check.open_model` makes one that is tested.

    Args:
        model: A causal language model, such as `AutoModelForCausalLM` loads.
        keep_sessions: Whether to keep conversations. If so, the keys and values of every layer are kept in full, even
            outside a sliding window. Otherwise the cache has the layers that the model's configuration names, which may
            be recurrent, and the whole transcript is re-encoded every turn.
    """

    def __init__(self, model: nn.Module, *, keep_sessions: bool) -> None:
        self._model: Any = model
        self.keep_sessions = keep_sessions
        base: Any = getattr(model, "get_base_model", lambda: model)()
        parameters = signature(base.forward).parameters.values()
        self._takes = {parameter.name for parameter in parameters}
        self._takes_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters)
        self._kept: dict[Hashable, Past] = {}
        self._shapes: list[tuple[Shape, Shape]] = []  # of each layer's keys and values

    @property
    def num_kept(self) -> int:
        """Number of conversations whose KV cache is kept."""
        return len(self._kept)

    @property
    def device(self) -> torch.device:
        """The model's device."""
        device: torch.device = next(self._model.parameters()).device
        return device

    def keeps(self, session: Hashable) -> bool:
        """Tell whether a conversation is kept."""
        return session in self._kept

    def release(self, session: Hashable) -> None:
        """Drop the kept state of a conversation."""
        self._kept.pop(session, None)

    def clear(self) -> None:
        """Drop every kept conversation."""
        self._kept.clear()

    def read(self, requests: Sequence[Request]) -> tuple[Rows, Tensor]:
        """Prefill all prompts, identical ones once; return the batch's state and the next token's logits [B, V]."""
        first: dict[tuple[int, ...], int] = {}  # distinct prompts, in order of appearance
        copies = [first.setdefault(tuple(request.ids), len(first)) for request in requests]
        distinct = [requests[copies.index(place)] for place in range(len(first))]
        kept = [self._kept.get(request.session) for request in distinct]
        # All rows read the same number of tokens, some of them again. No padding may come between a row's tokens,
        # because sliding windows would count it, and because the kept state must be contiguous.
        width = max(len(request.ids) - _length(past) for request, past in zip(distinct, kept, strict=True))
        starts = [max(0, len(request.ids) - width) for request in distinct]
        cache, past_mask = self._restore(kept, starts)
        new = [list(request.ids[start:]) for request, start in zip(distinct, starts, strict=True)]
        ids = torch.tensor([[0] * (width - len(tokens)) + tokens for tokens in new], device=self.device)
        read = torch.tensor([[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in new], device=self.device)
        mask = torch.cat([past_mask, read], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -width:]
        rows = Rows(cache=cache, mask_BT=mask, lengths_B=mask.sum(dim=1), requests=list(range(len(distinct))))
        logits_BV = self._forward(rows, ids, positions)
        if len(distinct) < len(requests):
            places = torch.tensor(copies, device=self.device)
            rows.select(places)
            logits_BV = logits_BV[places]
        rows.requests = list(range(len(requests)))
        rows.open = [True] * len(requests)
        return rows, logits_BV

    def step(self, rows: Rows, tokens_B: Tensor) -> Tensor:
        """Read one more token for each row and return the logits [B, V] after it."""
        positions_B = rows.lengths_B
        rows.extend()
        return self._forward(rows, tokens_B[:, None], positions_B[:, None])

    def keep(self, rows: Rows, requests: Sequence[Request], places: Sequence[int]) -> None:
        """Keep the KV cache of these rows for the next turn of their conversations."""
        sessions = {place: requests[rows.requests[place]].session for place in places}
        if not self.keep_sessions or all(session is None for session in sessions.values()):
            return
        places_P = torch.tensor(list(sessions), device=self.device)
        layers: list[Any] = rows.cache.layers
        self._shapes = [(_shape(layer.keys), _shape(layer.values)) for layer in layers]
        groups: dict[Shape, list[Tensor]] = {}
        for layer in layers:
            for states in (layer.keys, layer.values):
                groups.setdefault(_shape(states), []).append(states[places_P])
        stacked = {shape: torch.stack(group) for shape, group in groups.items()}
        # A row's tokens are contiguous: padding comes before them, and columns of rows that ran longer after them.
        starts = rows.mask_BT[places_P].argmax(dim=1).tolist()
        lengths = rows.lengths_B[places_P].tolist()
        for row, (session, start, length) in enumerate(zip(sessions.values(), starts, lengths, strict=True)):
            if session is not None:
                self._kept[session] = {
                    shape: group[:, row, :, start : start + length].clone() for shape, group in stacked.items()
                }

    def _forward(self, rows: Rows, ids: Tensor, positions: Tensor) -> Tensor:
        """Read new tokens [B, T] and return the logits [B, V] after the last one."""
        inputs: dict[str, Any] = {
            "input_ids": ids,
            "attention_mask": rows.mask_BT,
            "position_ids": positions,
            "past_key_values": rows.cache,
            "use_cache": True,
            "logits_to_keep": 1,
        }
        taken = {name: value for name, value in inputs.items() if self._takes_any or name in self._takes}
        logits: Tensor = self._model(**taken).logits[:, -1]
        return logits

    def _restore(self, kept: Sequence[Past | None], lengths: Sequence[int]) -> tuple[DynamicCache, Tensor]:
        """Return a cache with the kept tokens of each row, padded on the left, and its mask [B, T]."""
        cache = DynamicCache() if self.keep_sessions else DynamicCache(config=self._model.config)
        width = max(lengths)
        mask = torch.zeros(len(kept), width, dtype=torch.long, device=self.device)
        for row, length in enumerate(lengths):
            mask[row, width - length :] = 1
        example = next((past for past in kept if past is not None), None)
        if example is None or width == 0:
            return cache, mask
        padded: dict[Shape, Iterator[Tensor]] = {}
        for (heads, size), states in example.items():
            group = states.new_zeros(len(states), len(kept), heads, width, size)
            for row, (past, length) in enumerate(zip(kept, lengths, strict=True)):
                if past is not None:
                    group[:, row, :, width - length :] = past[heads, size][:, :, :length]
            padded[heads, size] = iter(group)
        for layer, (of_keys, of_values) in enumerate(self._shapes):
            cache.update(next(padded[of_keys]), next(padded[of_values]), layer)
        return cache, mask


def _shape(states_BHTD: Tensor) -> Shape:
    """Return heads and width of keys or values."""
    return states_BHTD.shape[1], states_BHTD.shape[3]


def _length(past: Past | None) -> int:
    """Return the number of tokens in a kept KV cache."""
    return 0 if past is None else next(iter(past.values())).shape[-2]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Turn dropout off within the context, and restore it afterwards."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
