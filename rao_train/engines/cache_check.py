"""What a model's cache can do, found out by trying.

Models differ in what they remember of the tokens they have read: keys and values, a window of them, recurrent
states, compressed or shared ones. Whether prompts of unlike length can be read together, rows be copied and dropped,
and conversations be kept, is seen on a short conversation whose logits are also computed without any cache.
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
"""Tokens of the two prompts."""
_WRITTEN = 3
"""Tokens that follow a prompt before the next turn."""
_LONGEST_WINDOW = 256
"""Windows of at most so many tokens are left behind by the longer prompt."""
_TOLERANCE = 1e-4
"""Share of what the context does to the logits by which they may differ; rounding does about 1e-6 of it."""
_COARSE_TOLERANCE = 0.1
"""The same in 16 bits, and in TF32, where rounding does about 0.02."""


def open_model(model: nn.Module, *, keep_sessions: bool) -> CachedModel:
    """Return a model with a cache, which keeps conversations if that is wanted and gives the right logits.

    That a model cannot keep conversations is logged.

    Raises:
        InvalidValueError: The model gives other logits with a cache than without, or takes none.
    """
    base: Any = getattr(model, "get_base_model", lambda: model)()
    name = type(base).__name__
    reason = ""
    for keeps in (True, False) if keep_sessions else (False,):
        cached = CachedModel(model, keep_sessions=keeps)
        reason = _fault(cached, model)
        if not reason:
            if keep_sessions and not keeps:
                _LOG.warning("%s cannot keep conversations: each turn is read from its start, which is slower.", name)
            return cached
    raise InvalidValueError(f"{name} gives other logits when it reads with a cache than without one: {reason}.")


def _fault(cached: CachedModel, model: nn.Module) -> str:
    """Return what is wrong with the logits that the cache gives; nothing if they are right."""
    try:
        with torch.inference_mode(), evaluating(model):
            sequences = _sequences(model)
            expected = [_logits_anew(model, sequence) for sequence in sequences]
            found = list(_logits_cached(cached, sequences))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a model's own code raises when it is given a cache that it does not know
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
    return "" if off_by <= allowed else f"they differ by {off_by:.2g}, where the context changes them by {spread:.2g}"


def _sequences(model: Any) -> list[list[int]]:
    """Return three conversations, of which the first and the last open alike."""
    config = model.config.get_text_config()
    short, long = _LENGTHS
    try:
        windows = [getattr(layer, "sliding_window", None) for layer in DynamicCache(config=model.config).layers]
    except Exception:  # such a model gets its conversations from a plain cache, or none
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
    """Carry on conversations for two turns; yield row, number of tokens read, and the logits [V] after them.

    In the first turn, one row ends early and is dropped while the others change places.
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
    """Read the next token of each row that is open, and count it."""
    next_tokens = [sequences[row][lengths[row]] for row in rows.requests]
    logits_BV = cached.step(rows, torch.tensor(next_tokens, device=cached.device))
    for row, is_open in zip(rows.requests, rows.open, strict=True):
        lengths[row] += is_open
    return logits_BV


def _of_rows(rows: Rows, lengths: Sequence[int], logits_BV: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Yield row, number of tokens read, and logits of each row that is open."""
    for row, is_open, logits_V in zip(rows.requests, rows.open, logits_BV, strict=True):
        if is_open:
            yield row, lengths[row], logits_V.clone()
