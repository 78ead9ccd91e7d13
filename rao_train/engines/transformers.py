"""Generation with any causal model of `transformers`, in the learner's process and with its very weights.

The decoding loop is written out: rows that end leave the batch, equal prompts are read once, and the keys and
values of a conversation are kept from turn to turn, so that a new turn costs only its new tokens.

Shapes: ``_B`` rows of a batch, ``_L`` layers, ``_H`` heads, ``_T`` tokens, ``_D`` width of a head, ``_V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from rao_gym.errors import InvalidValueError
from rao_train.engines.base import Completion, EngineSettings, Request, Sampling

_SHRINK_BELOW = 0.75
"""The batch is shrunk when fewer than this share of its rows still write."""


class TransformersEngine:
    """Generates with a model that stays where it is.

    Args:
        model: A causal language model, such as `AutoModelForCausalLM` loads.
        end_ids: Tokens that end a turn.
        settings: How it uses memory. Keys and values are kept whole, those outside of a sliding window as well;
            models that do not attend in every layer (linear attention) read every turn from its start.
        bf16: Whether it runs in bfloat16 (autocast), as the learner does with its setting of that name.

    Raises:
        InvalidValueError: The model keeps its past in another way than other models of `transformers`.
    """

    def __init__(
        self,
        model: nn.Module,
        end_ids: Sequence[int],
        settings: EngineSettings | None = None,
        *,
        bf16: bool = False,
    ) -> None:
        if "cache_params" in signature(getattr(model, "get_base_model", lambda: model)().forward).parameters:
            raise InvalidValueError(f"{type(model).__name__} takes cache_params; the engine knows past_key_values.")
        self._model: Any = model
        self._end_ids = frozenset(end_ids)
        self._settings = settings or EngineSettings()
        self._bf16 = bf16
        config: Any = model.config
        layers = DynamicCache(config=config).layers
        attends = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
        self._keep_sessions = self._settings.keep_sessions and attends
        self._kept: dict[Hashable, Tensor] = {}  # keys and values of a conversation: [L, 2, H, T, D]

    @property
    def num_kept(self) -> int:
        """Conversations whose keys and values are kept."""
        return len(self._kept)

    def release(self, session: Hashable) -> None:
        """Forget what is kept of a conversation."""
        self._kept.pop(session, None)

    def sync_weights(self) -> None:
        """Forget every conversation; the weights are the learner's own."""
        self._kept.clear()

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Return one completion for each request, in order."""
        completions: dict[int, Completion] = {}
        autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16)
        with torch.inference_mode(), autocast, _evaluating(self._model):
            for chunk in self._chunks(requests, sampling):
                batch = [requests[place] for place in chunk]
                completions.update(zip(chunk, self._generate_batch(batch, sampling), strict=True))
        return [completions[place] for place in range(len(requests))]

    def _chunks(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[list[int]]:
        """Split the places of a batch: new conversations apart from old ones, each by length and memory."""
        new = [place for place, request in enumerate(requests) if request.session not in self._kept]
        old = [place for place, request in enumerate(requests) if request.session in self._kept]
        for places in (new, old):
            chunk: list[int] = []
            for place in sorted(places, key=lambda place: len(requests[place].ids)):
                tokens = len(requests[place].ids) + sampling.max_new_tokens
                if chunk and (len(chunk) + 1) * tokens > self._settings.max_batch_tokens:
                    yield chunk
                    chunk = []
                chunk.append(place)
            if chunk:
                yield chunk

    def _generate_batch(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Read the prompts, then write all completions token by token."""
        rows, logits_BV = self._read(requests)
        uniforms_BT = np.stack(
            [np.random.default_rng(request.seed).random(sampling.max_new_tokens) for request in requests]
        )
        writing = [_Writing() for _ in requests]
        for step in range(sampling.max_new_tokens):
            uniforms_B = torch.from_numpy(uniforms_BT[rows.requests, step]).to(self._device)
            tokens_B, logprobs_B = draw(logits_BV, uniforms_B, sampling)
            rows.take(tokens_B.tolist(), logprobs_B.tolist(), writing, self._end_ids)
            if not any(rows.open) or step + 1 == sampling.max_new_tokens:
                break
            if sum(rows.open) < _SHRINK_BELOW * len(rows.open):
                tokens_B = self._shrink(rows, requests, tokens_B)
            positions_B = rows.lengths_B
            rows.extend()
            logits_BV = self._forward(rows, tokens_B[:, None], positions_B[:, None])
        self._keep(rows, requests, range(len(rows.open)))
        return [Completion(row.ids, row.logprobs, row.ended) for row in writing]

    def _read(self, requests: Sequence[Request]) -> tuple[_Rows, Tensor]:
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
        ids = torch.tensor([[0] * (width - len(tokens)) + tokens for tokens in new], device=self._device)
        read = torch.tensor([[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in new], device=self._device)
        mask = torch.cat([past_mask, read], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -width:]
        rows = _Rows(cache=cache, mask_BT=mask, lengths_B=mask.sum(dim=1), requests=list(range(len(distinct))))
        logits_BV = self._forward(rows, ids, positions)
        if len(distinct) < len(requests):
            places = torch.tensor(copies, device=self._device)
            rows.select(places)
            logits_BV = logits_BV[places]
        rows.requests = list(range(len(requests)))
        rows.open = [True] * len(requests)
        return rows, logits_BV

    def _forward(self, rows: _Rows, ids: Tensor, positions: Tensor) -> Tensor:
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

    def _shrink(self, rows: _Rows, requests: Sequence[Request], tokens_B: Tensor) -> Tensor:
        """Drop the rows that have ended and return the last tokens of the others."""
        self._keep(rows, requests, [place for place, still in enumerate(rows.open) if not still])
        stay = torch.tensor([place for place, still in enumerate(rows.open) if still], device=tokens_B.device)
        rows.select(stay)
        return tokens_B[stay]

    def _keep(self, rows: _Rows, requests: Sequence[Request], places: Sequence[int]) -> None:
        """Keep the keys and values of these rows for the next turn of their conversations."""
        sessions = {place: requests[rows.requests[place]].session for place in places}
        if not self._keep_sessions or all(session is None for session in sessions.values()):
            return
        places_P = torch.tensor(list(sessions), device=self._device)
        layers: list[Any] = rows.cache.layers
        kept = torch.stack([torch.stack((layer.keys[places_P], layer.values[places_P])) for layer in layers])
        # A row's tokens follow each other: before them is padding, after them what others wrote meanwhile.
        starts = rows.mask_BT[places_P].argmax(dim=1).tolist()
        lengths = rows.lengths_B[places_P].tolist()
        for row, (session, start, length) in enumerate(zip(sessions.values(), starts, lengths, strict=True)):
            if session is not None:
                self._kept[session] = kept[:, :, row, :, start : start + length].clone()

    def _restore(self, kept: Sequence[Tensor | None]) -> tuple[DynamicCache, Tensor]:
        """Return a cache that holds what is kept, padded on the left, and its mask [B, T]."""
        cache = self._empty_cache()
        lengths = [_length(past) for past in kept]
        width = max(lengths)
        mask = torch.zeros(len(kept), width, dtype=torch.long, device=self._device)
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

    @property
    def _device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self._model.parameters()).device
        return device


def _length(past: Tensor | None) -> int:
    """Return the number of tokens that kept keys and values stand for."""
    return 0 if past is None else int(past.shape[-2])


@dataclass(slots=True)
class _Writing:
    """A completion as it grows."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ended: bool = False


@dataclass(slots=True)
class _Rows:
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

    def take(
        self, tokens: Sequence[int], logprobs: Sequence[float], writing: list[_Writing], end_ids: frozenset[int]
    ) -> None:
        """Add one token to each row that still writes."""
        for place, (token, log_prob) in enumerate(zip(tokens, logprobs, strict=True)):
            if self.open[place]:
                row = writing[self.requests[place]]
                row.ids.append(token)
                row.logprobs.append(log_prob)
                row.ended = token in end_ids
                self.open[place] = not row.ended

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


def draw(logits_BV: Tensor, uniforms_B: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Draw one token for each row by inverting its cumulative distribution.

    Args:
        logits_BV: The next token's logits.
        uniforms_B: A number in [0, 1) for each row, which decides the draw.
        sampling: How to draw.

    Returns:
        The tokens [B], and their log-probabilities [B] at the sampling temperature over the whole vocabulary.
    """
    logprobs_BV = torch.log_softmax(logits_BV.float() / (sampling.temperature or 1.0), dim=-1)
    if sampling.temperature == 0:
        tokens_B = logprobs_BV.argmax(dim=-1)
    else:
        probs_BV = _narrow(logprobs_BV.double().exp(), sampling)
        cumulative_BV = probs_BV.cumsum(dim=-1)
        targets_B1 = (uniforms_B * cumulative_BV[:, -1])[:, None]
        tokens_B = torch.searchsorted(cumulative_BV, targets_B1, right=True)[:, 0].clamp(max=logits_BV.shape[-1] - 1)
    return tokens_B, logprobs_BV.gather(1, tokens_B[:, None])[:, 0]


def _narrow(probs_BV: Tensor, sampling: Sampling) -> Tensor:
    """Set to 0 what `top_k` and `top_p` leave out."""
    size = probs_BV.shape[-1]
    if sampling.top_p >= 1 and not 0 < sampling.top_k < size:
        return probs_BV
    sorted_BV, order_BV = probs_BV.sort(dim=-1, descending=True, stable=True)
    before_BV = sorted_BV.cumsum(dim=-1) - sorted_BV
    keep_BV = before_BV < sampling.top_p
    if 0 < sampling.top_k < size:
        keep_BV[:, sampling.top_k :] = False
    return torch.zeros_like(probs_BV).scatter(1, order_BV, sorted_BV * keep_BV)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Turn dropout off, and back to how it was."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
