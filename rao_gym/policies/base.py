"""The policy protocol: turns in, answers out, in batches or one at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from traceback import extract_tb
from typing import Any, Protocol, TypeGuard, runtime_checkable

from rao_gym.answer import Answer, EndReason, Usage
from rao_gym.errors import PolicyError, RaoError, ServerError
from rao_gym.limits import LimitsLeft
from rao_gym.policies.loop import LoopThread
from rao_gym.tools import ToolSpec
from rao_gym.tree import ChatMessage

__all__ = [
    "Answer",
    "AsyncPolicy",
    "ConcurrentPolicy",
    "EndReason",
    "FunctionPolicy",
    "PartialAnswersError",
    "Policy",
    "PolicyLike",
    "Turn",
    "Usage",
    "as_policy",
    "ask",
]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """All that a policy sees of an agent that must act.

    Attributes:
        agent: The agent's name, its path in the tree.
        depth: Its depth; 0 for the root.
        messages: Its transcript, as read-only chat messages.
        limits: What is left of its limits.
        tools: The tools that it can call.
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

    def act(self, turns: Sequence[Turn]) -> Sequence[str | Answer]:
        """Return one action for each turn, in order: its text, or an `Answer` with more than the text."""


class AsyncPolicy(Protocol):
    """Answers one turn per call, with many calls in flight, so that no agent waits for another's slow answer.

    `answer` is called for all ready turns at once. If the policy's server accepts fewer requests, the policy limits
    them itself, for example with an `asyncio.Semaphore`.
    """

    async def answer(self, turn: Turn) -> str | Answer:
        """Return the action of one turn.

        Raises:
            ServerError: There is no answer. The turn's episode is excluded, and all others continue.
        """


Answering = Callable[[Turn], Coroutine[Any, Any, str | Answer]]
"""An async function from a turn to its action."""

PolicyLike = Policy | AsyncPolicy | Callable[[Sequence[Turn]], Sequence[str | Answer]] | Answering
"""A policy, a plain function from turns to actions, or an async function from one turn to its action."""


@dataclass(frozen=True)
class FunctionPolicy:
    """A plain function as a policy.

    Attributes:
        function: A function from turns to actions.
    """

    function: Callable[[Sequence[Turn]], Sequence[str | Answer]]

    @property
    def content(self) -> str | None:
        """The function's attribute `content`, if it has one: what its answers depend on besides their turns."""
        content: str | None = getattr(self.function, "content", None)
        return content

    def act(self, turns: Sequence[Turn]) -> Sequence[str | Answer]:
        """Call the function."""
        return self.function(turns)


class ConcurrentPolicy:
    """An asynchronous policy with its event loop.

    The loop stays the same from the first turn to `close`, so the policy can keep a client that is bound to it.

    Args:
        policy: The policy, or an async function of a turn.
    """

    def __init__(self, policy: AsyncPolicy | Answering) -> None:
        self._policy = policy
        self._answer: Answering = policy.answer if _is_async(policy) else policy  # type: ignore[assignment]
        self._loop = LoopThread()

    @property
    def content(self) -> str | None:
        """What the answers depend on besides the policy's options, if it says."""
        content: str | None = getattr(self._policy, "content", None)
        return content

    def submit(self, turn: Turn) -> Future[object]:
        """Request the answer to one turn; cancelling the future cancels the request.

        The future's result is whatever the policy returned, or a `ServerError` if its server failed. The future
        raises `PolicyError` if the policy raised anything else.
        """
        return self._loop.submit(self._answer_or_failure(turn))

    def act(self, turns: Sequence[Turn]) -> list[Any]:
        """Answer all turns concurrently, and return once all are answered.

        Raises:
            PartialAnswersError: Some turns have no answer.
        """
        futures = [self.submit(turn) for turn in turns]
        try:
            answers: list[Any] = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        if any(isinstance(answer, ServerError) for answer in answers):
            raise PartialAnswersError(answers)
        return answers

    def close(self) -> None:
        """Close the policy if it has a `close`, cancel what is in flight, and end the loop."""
        close = getattr(self._policy, "close", None)
        if iscoroutinefunction(close):
            self._loop.submit(close()).result()
        elif close is not None:
            close()
        self._loop.close()

    async def _answer_or_failure(self, turn: Turn) -> object:
        """Return the policy's answer, or the error of its failing server."""
        try:
            return await self._answer(turn)
        except ServerError as error:
            return error
        except RaoError:
            raise
        except Exception as error:
            raise _raised(error) from error


def as_policy(policy: PolicyLike) -> Policy:
    """Return a policy unchanged, and wrap a function or an asynchronous policy.

    Raises:
        PolicyError: It is none of these.
    """
    if isinstance(policy, type):
        raise PolicyError(f"A policy is an object; {policy.__name__} is a class. Did you mean {policy.__name__}()?")
    if _is_async(policy) or iscoroutinefunction(policy):
        return ConcurrentPolicy(policy)
    if isinstance(policy, Policy):
        return policy
    if callable(policy):
        return FunctionPolicy(policy)  # type: ignore[arg-type]
    raise PolicyError(f"A policy has act(turns) or async answer(turn), or is a function; got {type(policy).__name__}.")


def _is_async(policy: object) -> TypeGuard[AsyncPolicy]:
    """Tell whether an object is an asynchronous policy."""
    return iscoroutinefunction(getattr(policy, "answer", None))


class PartialAnswersError(ServerError):
    """Some turns of a batch could not be answered; the others keep their answers.

    Attributes:
        answers: For each turn, its answer or its error.
    """

    def __init__(self, answers: Sequence[str | Answer | ServerError]) -> None:
        super().__init__(str(next(answer for answer in answers if isinstance(answer, ServerError))))
        self.answers = tuple(answers)


def ask(policy: Policy, turns: Sequence[Turn]) -> list[Any]:
    """Call a policy and check that it keeps its protocol.

    Returns:
        For each turn, whatever the policy returned, or a `ServerError` if its server failed.

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
        raise _raised(error) from error
    expected = f"a sequence of {len(turns)} actions, one for each turn"
    if isinstance(answers, str | bytes) or not isinstance(answers, Sequence):
        raise PolicyError(f"The policy returned {type(answers).__name__}, not {expected}.")
    if len(answers) != len(turns):
        raise PolicyError(f"The policy returned {len(answers)} items, not {expected}.")
    return list(answers)


def _raised(error: Exception) -> PolicyError:
    """Return the `PolicyError` for a policy that raised; the message says where."""
    frame = extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return PolicyError(f"The policy raised {type(error).__name__}: {error} ({place}).")
