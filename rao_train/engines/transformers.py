"""Generation with any causal model of `transformers`, in the learner's process and with its own weights.

This is our own decoding loop: finished rows leave the batch, identical prompts are prefilled once, and conversations
are kept from turn to turn (`cache.py`).

Shapes: ``_B`` rows of a batch, ``_T`` tokens, ``_V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from rao_train.engines.base import BatchEngine, Completion, CompletionEnd, EngineSettings, Request, Sampling
from rao_train.engines.cache import Rows, evaluating
from rao_train.engines.cache_check import open_model

_SHRINK_BELOW = 0.75
"""The batch is shrunk when less than this share of its rows is still generating."""


class TransformersEngine(BatchEngine):
    """Generates with the learner's model, in place.

    Args:
        model: A causal language model, such as `AutoModelForCausalLM` loads.
        end_ids: Tokens that end a turn.
        settings: How it uses memory. Keys and values are kept in full, even outside a sliding window; hybrid models
            re-encode the whole transcript every turn.
        bf16: Whether it runs in bfloat16 (autocast), like the learner with its setting of that name.

    Raises:
        InvalidValueError: The model does not give the right logits with a cache.
    """

    def __init__(
        self,
        model: nn.Module,
        end_ids: Sequence[int],
        settings: EngineSettings | None = None,
        *,
        bf16: bool = False,
    ) -> None:
        super().__init__()
        self._model = model
        self._end_ids = frozenset(end_ids)
        self._settings = settings or EngineSettings()
        self._bf16 = bf16
        self._cached = open_model(model, keep_sessions=self._settings.keep_sessions)

    @property
    def num_kept(self) -> int:
        """Number of conversations whose KV cache is kept."""
        return self._cached.num_kept

    def release(self, session: Hashable) -> None:
        """Drop the kept state of a conversation."""
        self._cached.release(session)

    def sync_weights(self, version: int) -> None:
        """Drop every kept conversation; the weights are already the learner's own."""
        super().sync_weights(version)
        self._cached.clear()

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Return one completion for each request, in order."""
        completions: dict[int, Completion] = {}
        autocast = torch.autocast(self._cached.device.type, torch.bfloat16, enabled=self._bf16)
        with torch.inference_mode(), autocast, evaluating(self._model):
            for chunk in self._chunks(requests, sampling):
                batch = [requests[place] for place in chunk]
                completions.update(zip(chunk, self._generate_batch(batch, sampling), strict=True))
        return [completions[place] for place in range(len(requests))]

    def _chunks(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[list[int]]:
        """Split a batch: new conversations apart from continued ones, each by length and memory."""
        new = [place for place, request in enumerate(requests) if not self._cached.keeps(request.session)]
        old = [place for place, request in enumerate(requests) if self._cached.keeps(request.session)]
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
        """Prefill the prompts, then generate all completions token by token."""
        rows, logits_BV = self._cached.read(requests)
        # All random numbers come from the request's own seed, so the draws do not depend on the rest of the batch.
        uniforms_BT = np.stack(
            [np.random.default_rng(request.seed).random(sampling.max_new_tokens) for request in requests]
        )
        writing = [_Writing() for _ in requests]
        for step in range(sampling.max_new_tokens):
            uniforms_B = torch.from_numpy(uniforms_BT[rows.requests, step]).to(self._cached.device)
            tokens_B, logprobs_B = draw(logits_BV, uniforms_B, sampling)
            _take(rows, tokens_B.tolist(), logprobs_B.tolist(), writing, self._end_ids)
            if not any(rows.open) or step + 1 == sampling.max_new_tokens:
                break
            if sum(rows.open) < _SHRINK_BELOW * len(rows.open):
                tokens_B = self._shrink(rows, requests, tokens_B)
            logits_BV = self._cached.step(rows, tokens_B)
        self._cached.keep(rows, requests, range(len(rows.open)))
        return [
            Completion(
                row.ids,
                row.logprobs,
                CompletionEnd.END_TOKEN if row.ended else CompletionEnd.LENGTH,
                [self.version] * len(row.ids),
            )
            for row in writing
        ]

    def _shrink(self, rows: Rows, requests: Sequence[Request], tokens_B: Tensor) -> Tensor:
        """Drop the rows that have ended, and return the last tokens of the others."""
        self._cached.keep(rows, requests, [place for place, still in enumerate(rows.open) if not still])
        stay = torch.tensor([place for place, still in enumerate(rows.open) if still], device=tokens_B.device)
        rows.select(stay)
        return tokens_B[stay]


@dataclass(slots=True)
class _Writing:
    """A completion during generation."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ended: bool = False


def _take(
    rows: Rows, tokens: Sequence[int], logprobs: Sequence[float], writing: list[_Writing], end_ids: frozenset[int]
) -> None:
    """Add one token to each row that is still generating."""
    for place, (token, log_prob) in enumerate(zip(tokens, logprobs, strict=True)):
        if rows.open[place]:
            row = writing[rows.requests[place]]
            row.ids.append(token)
            row.logprobs.append(log_prob)
            row.ended = token in end_ids
            rows.open[place] = not row.ended


def draw(logits_BV: Tensor, uniforms_B: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Draw one token for each row by inverting its cumulative distribution.

    Args:
        logits_BV: The next token's logits.
        uniforms_B: A uniform number in [0, 1) for each row, which decides the draw.
        sampling: The sampling settings.

    Returns:
        The tokens [B], and their log-probabilities [B] at the sampling temperature over the whole vocabulary.
    """
    logprobs_BV = torch.log_softmax(logits_BV.float() / (sampling.temperature or 1.0), dim=-1)
    if sampling.temperature == 0:
        tokens_B = logprobs_BV.argmax(dim=-1)
    else:
        # In float64: cumulative sums over a large vocabulary would lose small probabilities in float32.
        probs_BV = _narrow(logprobs_BV.double().exp(), sampling)
        cumulative_BV = probs_BV.cumsum(dim=-1)
        targets_B1 = (uniforms_B * cumulative_BV[:, -1])[:, None]
        tokens_B = torch.searchsorted(cumulative_BV, targets_B1, right=True)[:, 0].clamp(max=logits_BV.shape[-1] - 1)
    return tokens_B, logprobs_BV.gather(1, tokens_B[:, None])[:, 0]


def _narrow(probs_BV: Tensor, sampling: Sampling) -> Tensor:
    """Set the probabilities that `top_k` and `top_p` exclude to 0."""
    size = probs_BV.shape[-1]
    if sampling.top_p >= 1 and not 0 < sampling.top_k < size:
        return probs_BV
    sorted_BV, order_BV = probs_BV.sort(dim=-1, descending=True, stable=True)
    before_BV = sorted_BV.cumsum(dim=-1) - sorted_BV
    keep_BV = before_BV < sampling.top_p
    if 0 < sampling.top_k < size:
        keep_BV[:, sampling.top_k :] = False
    return torch.zeros_like(probs_BV).scatter(1, order_BV, sorted_BV * keep_BV)
