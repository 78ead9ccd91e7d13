"""A causal model of `transformers` with what it remembers: keys and values of a batch, and of conversations.

Equal prompts are read once, and the keys and values of a conversation are kept from turn to turn, so that a new
turn costs only its new tokens. The decoding loop in `transformers.py` is built on it.

Shapes: ``_B`` rows of a batch, ``_L`` layers, ``_H`` heads, ``_T`` tokens, ``_D`` width of a head, ``_V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from rao_gym.errors import InvalidValueError
from rao_train.engines.base import Request


@dataclass(slots=True)
class Rows:
    """The state of a batch while it is written.

    Attributes:
        cache: Keys and values.
        mask_BT: 1 where a column of the cache, or of the tokens being read, holds a token of the row.
        lengths_B: Tokens of each row so far, which is the position of its next token.
        requests: Which request each row belongs to.
        open: Whether each row still writes.
    """

    cache: DynamicCache
    mask_BT: Tensor
    lengths_B: Tensor
    requests: list[int]
    open: list[bool] = field(default_factory=list)

    def extend(self) -> None:
        """Make room for the next token of each row; rows that have ended get a column that nobody sees."""
        column = torch.tensor(self.open, dtype=self.mask_BT.dtype, device=self.mask_BT.device)
        self.mask_BT = torch.cat([self.mask_BT, column[:, None]], dim=1)
        self.lengths_B = self.lengths_B + column

    def select(self, places_B: Tensor) -> None:
        """Keep these rows, in this order; a place may be given several times."""
        self.cache.batch_select_indices(places_B)
        self.mask_BT = self.mask_BT[places_B]
        self.lengths_B = self.lengths_B[places_B]
        self.requests = [self.requests[place] for place in places_B.tolist()]
        self.open = [self.open[place] for place in places_B.tolist()] if self.open else []


class CachedModel:
    """Reads tokens with a model, and keeps conversations.

    Args:
        model: A causal language model, such as `AutoModelForCausalLM` loads.
        keep_sessions: Whether conversations are kept. Keys and values are kept whole, those outside of a sliding
            window as well; models that do not attend in every layer (linear attention) read every turn from its
            start.

    Raises:
        InvalidValueError: The model keeps its past in another way than other models of `transformers`.
    """

    def __init__(self, model: nn.Module, *, keep_sessions: bool) -> None:
        if "cache_params" in signature(getattr(model, "get_base_model", lambda: model)().forward).parameters:
            raise InvalidValueError(f"{type(model).__name__} takes cache_params; the engine knows past_key_values.")
        self._model: Any = model
        config: Any = model.config
        layers = DynamicCache(config=config).layers
        attends = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
        self._keep_sessions = keep_sessions and attends
        self._kept: dict[Hashable, Tensor] = {}  # keys and values of a conversation: [L, 2, H, T, D]

    @property
    def num_kept(self) -> int:
        """Conversations whose keys and values are kept."""
        return len(self._kept)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self._model.parameters()).device
        return device

    def keeps(self, session: Hashable) -> bool:
        """Tell whether a conversation is kept."""
        return session in self._kept

    def release(self, session: Hashable) -> None:
        """Forget what is kept of a conversation."""
        self._kept.pop(session, None)

    def clear(self) -> None:
        """Forget every conversation."""
        self._kept.clear()

    def read(self, requests: Sequence[Request]) -> tuple[Rows, Tensor]:
        """Read all prompts, equal ones once; return the state of the batch and the next token's logits [B, V]."""
        first: dict[tuple[int, ...], int] = {}
        copies = [first.setdefault(tuple(request.ids), len(first)) for request in requests]
        distinct = [requests[copies.index(place)] for place in range(len(first))]
        kept = [self._kept.get(request.session) for request in distinct]
        # All rows read the same number of tokens, some of them again: no padding may come between a row's tokens,
        # for sliding windows count it, and what is kept afterwards is one piece.
        width = max(len(request.ids) - _length(past) for request, past in zip(distinct, kept, strict=True))
        starts = [max(0, len(request.ids) - width) for request in distinct]
        cache, past_mask = self._restore(
            [None if past is None else past[..., :start, :] for past, start in zip(kept, starts, strict=True)]
        )
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
        """Keep the keys and values of these rows for the next turn of their conversations."""
        sessions = {place: requests[rows.requests[place]].session for place in places}
        if not self._keep_sessions or all(session is None for session in sessions.values()):
            return
        places_P = torch.tensor(list(sessions), device=self.device)
        layers: list[Any] = rows.cache.layers
        kept = torch.stack([torch.stack((layer.keys[places_P], layer.values[places_P])) for layer in layers])
        # A row's tokens follow each other: before them is padding, after them what others wrote meanwhile.
        starts = rows.mask_BT[places_P].argmax(dim=1).tolist()
        lengths = rows.lengths_B[places_P].tolist()
        for row, (session, start, length) in enumerate(zip(sessions.values(), starts, lengths, strict=True)):
            if session is not None:
                self._kept[session] = kept[:, :, row, :, start : start + length].clone()

    def _forward(self, rows: Rows, ids: Tensor, positions: Tensor) -> Tensor:
        """Read new tokens [B, T] and return the logits [B, V] after the last one."""
        output = self._model(
            input_ids=ids,
            attention_mask=rows.mask_BT,
            position_ids=positions,
            past_key_values=rows.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _restore(self, kept: Sequence[Tensor | None]) -> tuple[DynamicCache, Tensor]:
        """Return a cache that holds what is kept, padded on the left, and its mask [B, T]."""
        cache = self._empty_cache()
        lengths = [_length(past) for past in kept]
        width = max(lengths)
        mask = torch.zeros(len(kept), width, dtype=torch.long, device=self.device)
        example = next((past for past in kept if past is not None), None)
        if example is None:
            return cache, mask
        layers, _, heads, _, size = example.shape
        padded = example.new_zeros(layers, 2, len(kept), heads, width, size)
        for place, past in enumerate(kept):
            if past is not None:
                padded[:, :, place, :, width - lengths[place] :] = past
                mask[place, width - lengths[place] :] = 1
        for layer in range(layers):
            cache.update(padded[layer, 0], padded[layer, 1], layer)
        return cache, mask

    def _empty_cache(self) -> DynamicCache:
        """Return a cache of all keys and values, or one with layers of the kinds that the model needs."""
        return DynamicCache() if self._keep_sessions else DynamicCache(config=self._model.config)


def _length(past: Tensor | None) -> int:
    """Return the number of tokens that kept keys and values stand for."""
    return 0 if past is None else int(past.shape[-2])
