"""Test what a model's cache supports.

Models keep different state of the tokens that they have read: keys and values, a window of them, recurrent states,
compressed or shared ones. A few short conversations test whether prompts of different lengths can be batched, rows
copied and dropped, and conversations kept: their logits are compared with those computed without a cache.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from rao_gym.errors import InvalidValueError, reason_of
from rao_train.engines.base import Request
from rao_train.engines.cache import CachedModel, Rows, evaluating

_LOG = logging.getLogger(__name__)

_LENGTHS = (3, 7)
"""Lengths of the two prompts, in tokens."""
_WRITTEN = 3
"""Number of tokens that follow a prompt before the next turn."""
_LONGEST_WINDOW = 256
"""Sliding windows of at most this many tokens are exceeded by the longer prompt."""
_TOLERANCE = 1e-4
"""Allowed difference of logits, relative to how much the context changes them; rounding causes about 1e-6."""
_COARSE_TOLERANCE = 0.1
"""The same in 16 bits and in TF32, where rounding causes about 0.02."""


def open_model(model: nn.Module, *, keep_sessions: bool) -> CachedModel:
    """Return a model with a cache that gives the right logits, and keeps conversations if requested.

    If the model cannot keep conversations, a warning is logged.

    Raises:
        InvalidValueError: The model's logits are different with a cache, or it accepts none.
    """
    base: Any = getattr(model, "get_base_model", lambda: model)()
    name = type(base).__name__
    reason = ""
    for keeps in (True, False) if keep_sessions else (False,):
        cached = CachedModel(model, keep_sessions=keeps)
        reason = _fault(cached, model)
        if not reason:
            if keep_sessions and not keeps:
                _LOG.warning(
                    "%s cannot keep conversations: each turn re-encodes the transcript, which is slower.", name
                )
            return cached
    raise InvalidValueError(f"{name} does not give the same logits with a cache as without one: {reason}.")


def _fault(cached: CachedModel, model: nn.Module) -> str:
    """Return what is wrong with the logits with a cache; empty if they are right."""
    try:
        with torch.inference_mode(), evaluating(model):
            sequences = _sequences(model)
            expected = [_logits_anew(model, sequence) for sequence in sequences]
            found = list(_logits_cached(cached, sequences))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a model's own code may raise anything for an unknown cache
        return f"{type(error).__name__}: {reason_of(error)}"
    finally:
        cached.clear()
    ours = torch.stack([logits_V for _, _, logits_V in found]).float()
    right = torch.stack([expected[row][length - 1] for row, length, _ in found]).float()
    spread = (right - right.mean(dim=0)).abs().mean()
    rows = torch.tensor([row for row, _, _ in found])
    off_by = max((ours - right)[rows == row].abs().mean() for row in range(len(sequences)))
    coarse = expected[0].dtype in (torch.bfloat16, torch.float16) or (
        expected[0].device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
    )
    allowed = (_COARSE_TOLERANCE if coarse else _TOLERANCE) * spread + 1e-6 * right.abs().max()
    return "" if off_by <= allowed else f"they differ by {off_by:.2g}, and the context changes them by {spread:.2g}"


def _sequences(model: Any) -> list[list[int]]:
    """Return three conversations; the first and the last have the same prompt."""
    config = model.config.get_text_config()
    short, long = _LENGTHS
    try:
        windows = [getattr(layer, "sliding_window", None) for layer in DynamicCache(config=model.config).layers]
    except Exception:  # the model has no standard cache configuration, and so no known window
        windows = []
    long = max([long, *(window + 2 for window in windows if window and window <= _LONGEST_WINDOW)])
    further = range(2 * _WRITTEN)
    return [
        [(3 + 5 * place + 7 * opens) % config.vocab_size for place in range(length)]
        + [(4 + 3 * place + 11 * row) % config.vocab_size for place in further]
        for row, (length, opens) in enumerate(((short, 0), (long, 1), (short, 0)))
    ]


def _logits_anew(model: Any, sequence: Sequence[int]) -> Tensor:
    """Return the logits after every token of a sequence, [T, V], as the learner computes them."""
    device = next(model.parameters()).device
    logits: Tensor = model(input_ids=torch.tensor([list(sequence)], device=device), use_cache=False).logits[0]
    return logits


def _logits_cached(cached: CachedModel, sequences: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, Tensor]]:
    """Run conversations for two turns; yield row, number of tokens read, and the logits [V] after them.

    In the first turn, one row ends early and is dropped, and the others swap places.
    """
    lengths = [len(sequence) - 2 * _WRITTEN for sequence in sequences]
    requests = [
        Request(sequence[:length], (), row)
        for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True))
    ]
    rows, logits_BV = cached.read(requests)
    yield from _of_rows(rows, lengths, logits_BV)
    for step in range(_WRITTEN):
        if step == 1:
            rows.open[0] = False
        if step == 2:
            cached.keep(rows, requests, [0])
            rows.select(torch.tensor([2, 1], device=cached.device))
        logits_BV = _step(cached, rows, sequences, lengths)
        yield from _of_rows(rows, lengths, logits_BV)
    cached.keep(rows, requests, [0, 1])
    requests = [Request(sequence[:-2], (), row) for row, sequence in enumerate(sequences)]
    lengths = [len(request.ids) for request in requests]
    rows, logits_BV = cached.read(requests)
    yield from _of_rows(rows, lengths, logits_BV)
    logits_BV = _step(cached, rows, sequences, lengths)
    yield from _of_rows(rows, lengths, logits_BV)


def _step(cached: CachedModel, rows: Rows, sequences: Sequence[Sequence[int]], lengths: list[int]) -> Tensor:
    """Read the next token of each open row, and count it."""
    next_tokens = [sequences[row][lengths[row]] for row in rows.requests]
    logits_BV = cached.step(rows, torch.tensor(next_tokens, device=cached.device))
    for row, is_open in zip(rows.requests, rows.open, strict=True):
        lengths[row] += is_open
    return logits_BV


def _of_rows(rows: Rows, lengths: Sequence[int], logits_BV: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Yield row, number of tokens read, and logits of each open row."""
    for row, is_open, logits_V in zip(rows.requests, rows.open, logits_BV, strict=True):
        if is_open:
            yield row, lengths[row], logits_V.clone()
