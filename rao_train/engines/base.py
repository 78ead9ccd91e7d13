"""What a generation engine is: token ids in, token ids and their log-probabilities out, each when it is there."""

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
    """How completions are drawn.

    Attributes:
        temperature: Divides the logits; 0 takes the most probable token.
        top_p: Tokens are drawn from the smallest set that holds this share of the probability; 1 is all.
        top_k: Tokens are drawn from this many of the most probable; 0 is all.
        max_new_tokens: Tokens of one completion, the end-of-turn token included.
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
    """Which engine generates, and how it uses memory; what is generated depends on that by rounding only.

    Attributes:
        name: ``transformers``, or ``module:name`` for an engine of your own; see `make_engine`.
        keep_sessions: Whether the keys and values of a conversation are kept until its next turn. Short transcripts
            of small models are read again faster than they are kept.
        max_batch_tokens: Rows times tokens that are in memory at once; a larger batch is split.
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
    """One completion that is asked for.

    Attributes:
        ids: Every token before the completion.
        seed: Seeds the draws of this completion; what else is in the batch does not matter to them.
        session: Names the conversation, whose earlier tokens the engine may have kept; None for none.
    """

    ids: Sequence[int]
    seed: tuple[int, ...]
    session: Hashable | None = None


class CompletionEnd(StrEnum):
    """Why a completion ended: with a token that ends a turn, at `max_new_tokens`, or because the engine gave it up."""

    END_TOKEN = "end_token"
    LENGTH = "length"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Completion:
    """What the model wrote.

    Attributes:
        ids: The tokens, with the end-of-turn token if it wrote one.
        logprobs: Log-probability of each under the model at the sampling temperature, over the whole
            vocabulary: `top_p` and `top_k` narrow what is drawn, not this. At temperature 0, as at 1.
        end: Why it ended.
        versions: For each token the version of the weights that wrote it.
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
    """Generates with the weights that the learner trains; requests come and go one by one."""

    def submit(self, request: Request, sampling: Sampling) -> int:
        """Ask for a completion and return its ticket; tickets increase."""

    def completed(self) -> list[tuple[int, Completion]]:
        """Return the completions that are there, by ticket; waits for one at least, and is empty if none is to come."""

    def cancel(self, tickets: Sequence[int]) -> None:
        """Give up requests; their completions never come."""

    def release(self, session: Hashable) -> None:
        """Forget what is kept of a conversation."""

    def sync_weights(self, version: int) -> None:
        """Take over the learner's weights as they are now, and forget every conversation; nothing may be under way.

        Args:
            version: What these weights are called in `Completion.versions`.
        """

    def close(self) -> None:
        """Give back what the engine holds."""


class BatchEngine(ABC):
    """An engine that generates all that has been submitted as one batch, in the order of the tickets.

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
        """Put a request into the next batch; its ids must stay as they are until then."""
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
        """Take requests out of the next batch."""
        for ticket in tickets:
            self._queued.pop(ticket, None)

    def sync_weights(self, version: int) -> None:
        """Call the weights by a new version."""
        self.version = version

    def close(self) -> None:
        """Give up what is queued."""
        self._queued.clear()
