"""What a policy is: turns in, action texts out, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any, Protocol, runtime_checkable

from rao_gym.errors import PolicyError, RaoError, ServerError
from rao_gym.limits import LimitsLeft
from rao_gym.tools import ToolSpec
from rao_gym.tree import ChatMessage


@dataclass(frozen=True, kw_only=True)
class Turn:
    """All that a policy sees of an agent that must act.

    Attributes:
        agent: The agent's name, its path in the tree.
        depth: Its depth; 0 for the root.
        messages: Its transcript, in the form that chat templates and servers take.
        limits: What it can still use.
        tools: What it can call.
        actions: The action form, ``"python"`` or ``"tools"``.
    """

    agent: str
    depth: int
    messages: Sequence[ChatMessage]
    limits: LimitsLeft
    tools: Sequence[ToolSpec]
    actions: str

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The tools as JSON schemas, as `tokenizer.apply_chat_template(tools=...)` takes them."""
        return [spec.schema() for spec in self.tools]


@runtime_checkable
class Policy(Protocol):
    """Answers turns in batches; the turns of a batch are independent of each other."""

    def act(self, turns: Sequence[Turn]) -> Sequence[str]:
        """Return one action text for each turn, in order."""


PolicyLike = Policy | Callable[[Sequence[Turn]], Sequence[str]]
"""A policy, or a plain function from turns to action texts."""


@dataclass(frozen=True)
class FunctionPolicy:
    """A plain function as a policy.

    Attributes:
        function: Takes the turns, returns the action texts.
    """

    function: Callable[[Sequence[Turn]], Sequence[str]]

    def act(self, turns: Sequence[Turn]) -> Sequence[str]:
        """Call the function."""
        return self.function(turns)


def as_policy(policy: PolicyLike) -> Policy:
    """Return a policy as it is, and a plain function as a policy.

    Raises:
        PolicyError: It is neither.
    """
    if isinstance(policy, type):
        raise PolicyError(f"A policy is an object; {policy.__name__} is a class. Did you mean {policy.__name__}()?")
    if isinstance(policy, Policy):
        return policy
    if callable(policy):
        return FunctionPolicy(policy)
    raise PolicyError(f"A policy has act(turns), or is a function of turns; got {type(policy).__name__}.")


class PartialAnswersError(ServerError):
    """Some turns of a batch could not be answered; the others keep their answers.

    Attributes:
        answers: For each turn its action text, or the error that stands in its place.
    """

    def __init__(self, answers: Sequence[str | ServerError]) -> None:
        super().__init__(str(next(answer for answer in answers if isinstance(answer, ServerError))))
        self.answers = tuple(answers)


def ask(policy: Policy, turns: Sequence[Turn]) -> list[Any]:
    """Ask a policy and check that it keeps its protocol.

    Returns:
        For each turn what the policy wrote, of whatever type, or a `ServerError` where its server failed.

    Raises:
        PolicyError: The policy raised, or did not return one item for each turn.
    """
    try:
        answers: object = policy.act(turns)
    except PartialAnswersError as error:
        answers = error.answers
    except ServerError as error:
        return [error] * len(turns)
    except RaoError:
        raise
    except Exception as error:
        frame = extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise PolicyError(f"The policy raised {type(error).__name__}: {error} ({place}).") from error
    expected = f"a sequence of {len(turns)} action texts, one for each turn"
    if isinstance(answers, str | bytes) or not isinstance(answers, Sequence):
        raise PolicyError(f"The policy returned {type(answers).__name__}, not {expected}.")
    if len(answers) != len(turns):
        raise PolicyError(f"The policy returned {len(answers)} items, not {expected}.")
    return list(answers)
