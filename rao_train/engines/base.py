"""The engine protocol: token ids in, token ids and their log-probabilities out, each as soon as it is ready."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Protocol

from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count, is_number


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How completions are sampled.

    Attributes:
        temperature: Divides the logits; 0 takes the most probable token.
        top_p: Nucleus sampling: the share of the probability mass to sample from; 1 for all.
        top_k: The number of most probable tokens to sample from; 0 for all.
        max_new_tokens: Most tokens of one completion, including the end-of-turn token.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 512

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        if not is_number(self.temperature) or not 0 <= self.temperature < inf:
            raise InvalidValueError(f"temperature must be at least 0 and finite, got {self.temperature!r}.")
        if not is_number(self.top_p) or not 0 < self.top_p <= 1:
            raise InvalidValueError(f"top_p must be above 0 and at most 1, got {self.top_p!r}.")
        object.__setattr__(self, "top_k", check_count("top_k", self.top_k, minimum=0))
        object.__setattr__(self, "max_new_tokens", check_count("max_new_tokens", self.max_new_tokens))


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Which engine generates, and how it uses memory; apart from rounding, memory use does not affect completions.

    Attributes:
        name: ``transformers``, or ``module:name`` for your own engine; see `make_engine`.
        keep_sessions: Whether the KV cache of a conversation is kept until its next turn. For small models and short
            transcripts, re-encoding is faster.
        max_batch_tokens: Most rows times tokens in memory at once; larger batches are split.
    """

    name: str = "transformers"
    keep_sessions: bool = True
    max_batch_tokens: int = 1 << 17

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        if not isinstance(self.keep_sessions, bool):
            raise InvalidValueError(f"keep_sessions must be True or False, got {self.keep_sessions!r}.")
        object.__setattr__(self, "max_batch_tokens", check_count("max_batch_tokens", self.max_batch_tokens))


@dataclass(frozen=True)
class Request:
    """A request for one completion.

    Attributes:
        ids: Every token before the completion.
        seed: Seeds the sampling of this completion, independently of what else is in the batch.
        session: Identifies the conversation, whose KV cache the engine may have kept; None for none.
    """

    ids: Sequence[int]
    seed: tuple[int, ...]
    session: Hashable | None = None


class CompletionEnd(StrEnum):
    """Why a completion ended: with an end-of-turn token, at `max_new_tokens`, or because the engine aborted it."""

    END_TOKEN = "end_token"
    LENGTH = "length"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Completion:
    """A completion.

    Attributes:
        ids: The tokens, including the end-of-turn token if there is one.
        logprobs: Log-probability of each token at the sampling temperature, over the whole vocabulary, without `top_p`
            and `top_k`. At temperature 0, the values are those at temperature 1.
        end: Why it ended.
        versions: For each token, the version of the weights that generated it.
    """

    ids: list[int]
    logprobs: list[float]
    end: CompletionEnd
    versions: list[int]

    @property
    def ended(self) -> bool:
        """Whether the last token is an end-of-turn token."""
        return self.end is CompletionEnd.END_TOKEN


class Engine(Protocol):
    """Generates with the weights that the learner trains, one request at a time."""

    def submit(self, request: Request, sampling: Sampling) -> int:
        """Submit a request and return its ticket; tickets increase."""

    def completed(self) -> list[tuple[int, Completion]]:
        """Wait for at least one completion and return all that are ready, with their tickets; empty if none is due."""

    def cancel(self, tickets: Sequence[int]) -> None:
        """Cancel requests; their completions are never returned."""

    def release(self, session: Hashable) -> None:
        """Forget what is kept of a conversation."""

    def sync_weights(self, version: int) -> None:
        """Load the learner's current weights and drop every kept conversation; no request may be in flight.

        Args:
            version: The version of these weights in `Completion.versions`.
        """

    def close(self) -> None:
        """Release the engine's resources."""


class BatchEngine(ABC):
    """An engine that generates all submitted requests as one batch, in ticket order.

    Attributes:
        version: Version of the weights.
    """

    def __init__(self) -> None:
        self.version = 0
        self._tickets = itertools.count()
        self._queued: dict[int, tuple[Request, Sampling]] = {}

    @abstractmethod
    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Return one completion for each request, in order."""

    @abstractmethod
    def release(self, session: Hashable) -> None:
        """Forget what is kept of a conversation."""

    def submit(self, request: Request, sampling: Sampling) -> int:
        """Add a request to the next batch; its ids must not change until then."""
        ticket = next(self._tickets)
        self._queued[ticket] = request, sampling
        return ticket

    def completed(self) -> list[tuple[int, Completion]]:
        """Generate the batch."""
        queued, self._queued = self._queued, {}
        completions: dict[int, Completion] = {}
        for sampling in dict.fromkeys(sampling for _, sampling in queued.values()):
            tickets = [ticket for ticket, (_, wanted) in queued.items() if wanted == sampling]
            requests = [queued[ticket][0] for ticket in tickets]
            completions.update(zip(tickets, self.generate(requests, sampling), strict=True))
        return sorted(completions.items(), key=lambda item: item[0])

    def cancel(self, tickets: Sequence[int]) -> None:
        """Remove requests from the next batch."""
        for ticket in tickets:
            self._queued.pop(ticket, None)

    def sync_weights(self, version: int) -> None:
        """Record the new version."""
        self.version = version

    def close(self) -> None:
        """Drop all queued requests."""
        self._queued.clear()
