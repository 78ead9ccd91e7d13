"""Scorers: from sequences to the log-probabilities of their learned tokens, in passes of bounded size.

The learner sees a batch through this interface alone, so that neither its loss nor its statistics depend on how the
sequences are put together. Padding, below, works for every model; `tree_scoring` computes shared prefixes once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from rao_train.learning.batching import input_length, micro_batches, pad
from rao_train.learning.logprobs import DecoderAndHead, TokenScores, score_tokens
from rao_train.learning.settings import LearnerSettings
from rao_train.rollout.trajectory import TokenSequence


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """What one forward pass found out.

    Attributes:
        scores: Of the learned tokens, trajectory by trajectory, in order.
        places: Places of the trajectories in the batch, in the order of their tokens.
        sequences_P: Index in `places` of the trajectory of each learned token, ascending, [P].
    """

    scores: TokenScores
    places: Sequence[int]
    sequences_P: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Passes:
    """The passes over a batch.

    Attributes:
        forward: Functions that each run a forward pass; the backward pass of one comes before the next.
        num_tokens: Tokens of the sequences, up to the last one that predicts another.
        num_positions: Positions of all passes that hold a token.
        num_read: Positions that the model reads, padding included.
    """

    forward: Sequence[Callable[[], Scored]]
    num_tokens: int
    num_positions: int
    num_read: int


class Scorer(Protocol):
    """Puts the sequences of a batch together and scores their learned tokens."""

    def passes(self, sequences: Sequence[TokenSequence]) -> AbstractContextManager[Passes]:
        """Return the passes over a batch; forward and backward passes run while the context is open."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredModel:
    """A model and how its tokens are scored.

    Attributes:
        parts: The model.
        device: Where it is.
        settings: Bounds and precision.
        temperature: Divides the logits.
    """

    parts: DecoderAndHead
    device: torch.device
    settings: LearnerSettings
    temperature: float

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which the model runs in the precision of the settings."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.bf16)

    def score(self, hidden_PD: Tensor, targets_P: Tensor) -> TokenScores:
        """Return the scores of tokens from the hidden states that predict them."""
        return score_tokens(
            self.parts,
            hidden_PD,
            targets_P,
            temperature=self.temperature,
            max_logits=self.settings.max_logits,
        )


class PaddedScorer:
    """Reads every sequence whole, in micro-batches of similar lengths.

    Args:
        model: What scores.
    """

    def __init__(self, model: ScoredModel) -> None:
        self._model = model

    @contextmanager
    def passes(self, sequences: Sequence[TokenSequence]) -> Iterator[Passes]:
        """Yield the passes over a batch."""
        lengths = [input_length(sequence) for sequence in sequences]
        plan = micro_batches(lengths, self._model.settings.max_batch_tokens)
        yield Passes(
            forward=[partial(self._score, sequences, places) for places in plan],
            num_tokens=sum(lengths),
            num_positions=sum(lengths),
            num_read=sum(len(places) * lengths[places[0]] for places in plan),
        )

    def _score(self, sequences: Sequence[TokenSequence], places: Sequence[int]) -> Scored:
        """Run one forward pass."""
        batch = pad([sequences[place] for place in places], self._model.device)
        with self._model.autocast():
            hidden_BTD = self._model.parts.hidden_states(batch.inputs_BT)
            hidden_PD = hidden_BTD.flatten(0, 1).index_select(0, batch.positions_P)
            scores = self._model.score(hidden_PD, batch.targets_P)
        return Scored(scores=scores, places=places, sequences_P=batch.sequences_P)
