"""A policy's answer to one turn: its text, how it ended, its reasoning and its usage."""

from __future__ import annotations

from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from rao_gym.jsonable import check_types


class EndReason(StrEnum):
    """Why a model stopped writing an answer.

    ``finished``: it ended its turn. ``length``: the limit on the tokens of one turn cut it off. ``overflow``: the
    prompt exceeds the model's context, so nothing was written and the node ends, out of window.
    """

    FINISHED = "finished"
    LENGTH = "length"
    OVERFLOW = "overflow"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The usage of one answer, as the model's server reports it; None for what it does not report.

    Attributes:
        prompt_tokens: Tokens of the prompt, including cached ones.
        completion_tokens: Tokens of the completion, including reasoning.
        cached_tokens: Prompt tokens read from a cache.
        reasoning_tokens: Completion tokens that are reasoning.
        cost: Price, in the server's currency.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """A tree's record of an answer, besides its text.

    Attributes:
        turn: Index of the turn in its node, from 0.
        end: Why the model stopped.
        model: The model's name, as its server reports it.
        reasoning: The model's reasoning; never acted on.
        usage: The usage of the answer.
        latency_s: Seconds from the request to the answer; None if not measured.
    """

    turn: int
    end: EndReason = EndReason.FINISHED
    model: str = ""
    reasoning: str = ""
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the record in JSON form, without unknown values."""
        return _known(self) | {"turn": self.turn, "usage": _known(self.usage)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> ModelCall:
        """Read a record that `to_dict` wrote.

        Raises:
            ValueError: A value is malformed.
        """
        usage = document.get("usage", {})
        check_types(Usage, usage)
        check_types(cls, document)
        end = EndReason(document.get("end", EndReason.FINISHED))
        return cls(**document | {"end": end, "usage": Usage(**usage)})


@dataclass(frozen=True)
class Answer:
    """A policy's answer to one turn; a policy with nothing else to report returns just the text.

    Attributes:
        text: The action.
        end: Why the model stopped.
        reasoning: The model's reasoning, if it is not part of the text; kept in the tree, never acted on.
        usage: The usage of the answer.
        latency_s: Seconds from the request to the answer.
        model: The model's name, as its server reports it.
        num_tokens: Tokens that the text takes in the transcript; None lets the runtime count them.
    """

    text: str
    _: KW_ONLY
    end: EndReason = EndReason.FINISHED
    reasoning: str = ""
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    model: str = ""
    num_tokens: int | None = None

    def call(self, turn: int) -> ModelCall | None:
        """Return the tree's record of this answer; None if there is nothing but the text.

        Args:
            turn: Index of the turn in its node, from 0.
        """
        call = ModelCall(
            turn=turn,
            end=self.end,
            model=self.model,
            reasoning=self.reasoning,
            usage=self.usage,
            latency_s=self.latency_s,
        )
        return None if call == ModelCall(turn=turn) else call


def _known(record: Usage | ModelCall) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    values = asdict(record)
    return {item.name: values[item.name] for item in fields(record) if values[item.name] not in (item.default, None)}
