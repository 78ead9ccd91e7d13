"""What a policy's answer to one turn is, beyond its text: how it ended, what was thought, what it cost."""

from __future__ import annotations

from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from rao_gym.jsonable import check_types


class EndReason(StrEnum):
    """Why a model stopped writing an answer.

    ``finished``: it ended its turn. ``length``: the limit on the tokens of one turn cut it off. ``overflow``: the
    prompt no longer fits into what the model can read, so nothing was written and the node ends, out of window.
    """

    FINISHED = "finished"
    LENGTH = "length"
    OVERFLOW = "overflow"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one answer used, as the model's server counts it; None where it does not say.

    Attributes:
        prompt_tokens: Tokens of the prompt, cached ones included.
        completion_tokens: Tokens that were written, reasoning included.
        cached_tokens: Prompt tokens that were read from a cache.
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
    """What a tree keeps of an answer beside its text.

    Attributes:
        turn: Which turn of its node it answered, from 0.
        end: Why the model stopped.
        model: The model that answered, as it calls itself.
        reasoning: What it thought; never acted on.
        usage: What it used.
        latency_s: Seconds from the request to the answer; None if nobody measured.
    """

    turn: int
    end: EndReason = EndReason.FINISHED
    model: str = ""
    reasoning: str = ""
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON form, without what is not known."""
        return _known(self) | {"turn": self.turn, "usage": _known(self.usage)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> ModelCall:
        """Read what `to_dict` gave.

        Raises:
            ValueError: A value is not what it should be.
        """
        usage = document.get("usage", {})
        check_types(Usage, usage)
        check_types(cls, document)
        end = EndReason(document.get("end", EndReason.FINISHED))
        return cls(**document | {"end": end, "usage": Usage(**usage)})


@dataclass(frozen=True)
class Answer:
    """A policy's answer to one turn; where there is nothing to say but the text, the text alone will do.

    Attributes:
        text: The action.
        end: Why the model stopped.
        reasoning: What it thought before it acted, if that is not part of the text; kept in the tree, never acted on.
        usage: What it used.
        latency_s: Seconds from the request to the answer.
        model: The model that answered, as it calls itself.
        num_tokens: Tokens that the text takes in the transcript; counted by the runtime if the policy does not know.
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
        """Return what a tree keeps of this answer; None if the text says it all.

        Args:
            turn: Which turn of its node it answers.
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
    """Return the values of a record that differ from their defaults."""
    values = asdict(record)
    return {item.name: values[item.name] for item in fields(record) if values[item.name] not in (item.default, None)}
