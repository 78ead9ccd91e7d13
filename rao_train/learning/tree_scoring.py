"""The scorer that computes every shared prefix once, and the check that a model can be scored that way.

Layers that read their neighbours otherwise than by attention, such as recurrent or convolution layers, would read
whatever stands beside a position in the pack, and give wrong numbers without any error. So every model is compared
with itself: once on a forked batch packed into a tree, once on each of its sequences alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rao_gym.errors import InvalidValueError, reason_of
from rao_train.learning.batching import input_length
from rao_train.learning.logprobs import DecoderAndHead, TokenScores
from rao_train.learning.packing import Pack, pack
from rao_train.learning.scoring import PaddedScorer, Passes, Scored, ScoredModel, Scorer
from rao_train.learning.settings import Packing
from rao_train.learning.tree_attention import NAME, Paths
from rao_train.rollout.trajectory import TokenSequence

_LOG = logging.getLogger(__name__)

MIN_SHARING = 1.1
"""Batches with fewer tokens than so many times the unique positions are padded: attention by path would not pay."""

KNOWN_LAYERS = {"full_attention", "sliding_attention"}
"""Types of layers that only attend, in the words of `transformers`; others are refused without a check."""

_LONGEST_CHECK = 8192
"""Most tokens of the check's trunk, which is to be longer than the model's window."""
_TAIL = 6
"""Tokens of each branch of the check, behind the one where it forks."""
_TOLERANCE, _COARSE_TOLERANCE = 1e-3, 0.2
"""Allowed difference of logits relative to how much the context changes them, in 32 bits or more, and in fewer."""


def scorer_of(model: ScoredModel, name: str) -> Scorer:
    """Return the scorer that the settings ask for; if the model cannot be packed, a warning says that it is padded.

    Args:
        model: What scores, in evaluation mode.
        name: What the model is called in the warning.
    """
    if model.settings.packing is Packing.PADDED:
        return PaddedScorer(model)
    fault = fault_of(model.parts, model.device)
    if fault:
        _LOG.warning("%s reads trajectories padded, for it cannot share prefixes: %s.", name, fault)
        return PaddedScorer(model)
    return TreeScorer(model)


class TreeScorer:
    """Packs sequences into prefix trees; a batch that shares too little is padded.

    Args:
        model: What scores; `fault_of` finds nothing wrong with it.
    """

    def __init__(self, model: ScoredModel) -> None:
        self._model = model
        self._padded = PaddedScorer(model)

    @contextmanager
    def passes(self, sequences: Sequence[TokenSequence]) -> Iterator[Passes]:
        """Yield the passes over a batch."""
        packs = pack(sequences, self._model.settings.max_batch_tokens)
        num_positions = sum(len(one.tokens_U) for one in packs)
        num_tokens = sum(one.num_tokens for one in packs)
        if num_tokens < MIN_SHARING * num_positions:
            with self._padded.passes(sequences) as passes:
                yield passes
            return
        with _attending_by_path(self._model.parts):
            yield Passes(
                forward=[partial(self._score, one) for one in packs],
                num_tokens=num_tokens,
                num_positions=num_positions,
                num_read=num_positions,
            )

    def _score(self, one: Pack) -> Scored:
        """Run one forward pass."""
        device = self._model.device
        pairs_P = torch.from_numpy(one.pairs_P).to(device)
        with self._model.autocast():
            hidden_UD = _hidden_states(self._model.parts, one, device)
            hidden_SD = hidden_UD.index_select(0, torch.from_numpy(one.positions_S).to(device))
            scores = self._model.score(hidden_SD, torch.from_numpy(one.targets_S).to(device))
        return Scored(
            scores=TokenScores(
                logprobs_P=scores.logprobs_P.index_select(0, pairs_P),
                entropies_P=scores.entropies_P.index_select(0, pairs_P),
            ),
            places=one.places,
            sequences_P=torch.from_numpy(one.sequences_P).to(device),
        )


def _hidden_states(parts: DecoderAndHead, one: Pack, device: torch.device) -> Tensor:
    """Return the hidden state of each unique position, [U, D]."""
    hidden_1UD: Tensor = parts.decoder(
        input_ids=torch.from_numpy(one.tokens_U).to(device)[None],
        position_ids=torch.from_numpy(one.depths_U).to(device)[None],
        use_cache=False,
        rao_paths=Paths(one.branches, device),
    ).last_hidden_state
    return hidden_1UD[0]


@contextmanager
def _attending_by_path(parts: DecoderAndHead) -> Iterator[None]:
    """Let the decoder attend by path for a while."""
    decoder: Any = parts.decoder
    before = decoder.config._attn_implementation
    decoder.set_attn_implementation(NAME)
    try:
        yield
    finally:
        decoder.set_attn_implementation(before)


def fault_of(parts: DecoderAndHead, device: torch.device) -> str:
    """Return why a model, in evaluation mode, cannot be packed into prefix trees; empty if it can."""
    decoder: Any = parts.decoder
    if not getattr(decoder, "_can_set_attn_implementation", lambda: False)():
        return "its layers do not use the attention interface of transformers"
    config = decoder.config.get_text_config()
    unknown = sorted(set(getattr(config, "layer_types", None) or ()) - KNOWN_LAYERS)
    if unknown:
        return f"it has layers of type {unknown[0]}"
    if getattr(config, "attn_logit_softcapping", None) and decoder.config._attn_implementation == "eager":
        return "its attention caps the scores, and attention by path does not"
    sequences = _forked(config)
    try:
        with torch.no_grad():
            expected_BTV = [_logits_alone(parts, sequence, device) for sequence in sequences]
            with _attending_by_path(parts):
                found_BTV = _logits_packed(parts, sequences, device)
    except torch.OutOfMemoryError:
        raise
    except InvalidValueError as error:
        return str(error)
    except Exception as error:  # a model's own code may raise anything for arguments that it does not know
        return f"{type(error).__name__}: {reason_of(error)}"
    spread = float((expected_BTV[0] - expected_BTV[1])[1:].abs().mean())  # the same tokens behind another fork
    off_by = max(float((ours - theirs).abs().mean()) for ours, theirs in zip(found_BTV, expected_BTV, strict=True))
    coarse = next(decoder.parameters()).dtype in (torch.bfloat16, torch.float16) or (
        device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
    )
    allowed = (_COARSE_TOLERANCE if coarse else _TOLERANCE) * spread + 1e-6 * float(expected_BTV[0].abs().max())
    if off_by <= allowed:
        return ""
    return f"its logits differ by {off_by:.2g}, and the context changes them by {spread:.2g}"


def _forked(config: Any) -> list[TokenSequence]:
    """Return sequences that fork behind a trunk, within a branch, and half-way up the trunk."""
    window = getattr(config, "sliding_window", None) or 0
    longest = getattr(config, "max_position_embeddings", None) or _LONGEST_CHECK
    length = max(8, min(window + 2, longest - 2 * _TAIL, _LONGEST_CHECK))
    trunk = [3 + 5 * place for place in range(length)]
    tail = [4 + 3 * place for place in range(_TAIL)]
    branches = [
        [*trunk, 1, *tail],
        [*trunk, 2, *tail],
        [*trunk, 2, *tail[: _TAIL // 2], 7, *tail[_TAIL // 2 + 1 :]],
        [*trunk[: length // 2], 1, *tail],
    ]
    return [
        TokenSequence(
            tokens_T=np.array(tokens, dtype=np.int32) % config.vocab_size,
            mask_T=np.arange(len(tokens)) > 0,
        )
        for tokens in branches
    ]


def _logits_alone(parts: DecoderAndHead, sequence: TokenSequence, device: torch.device) -> Tensor:
    """Return the last logits of a sequence that is read alone."""
    inputs = torch.from_numpy(sequence.tokens_T[: input_length(sequence)].astype(np.int64)).to(device)
    return parts.logits(parts.hidden_states(inputs[None])[0, -_TAIL:]).float()


def _logits_packed(parts: DecoderAndHead, sequences: Sequence[TokenSequence], device: torch.device) -> list[Tensor]:
    """Return the same logits of sequences that are packed into one tree."""
    (one,) = pack(sequences, sum(map(len, sequences)))
    hidden_UD = _hidden_states(parts, one, device)
    paths = {place: branch.path for place, branch in zip(one.places, one.branches, strict=True)}
    positions = [torch.from_numpy(paths[place][-_TAIL:]).to(device) for place in range(len(sequences))]
    return [parts.logits(hidden_UD.index_select(0, positions_T)).float() for positions_T in positions]
