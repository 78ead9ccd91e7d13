"""The judge ``openai:MODEL``: a model behind an OpenAI-compatible server, held to a rubric and to a form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from rao_gym.answer import Answer, EndReason, ModelCall
from rao_gym.errors import InvalidValueError, PolicyError, ServerError
from rao_gym.judges.cache import VerdictCache, key_of
from rao_gym.judges.evidence import messages_for
from rao_gym.judges.rubric import Rubric, read_rubric, rubric_of
from rao_gym.judges.verdict import FORM, SCHEMA, Verdict, read_verdict
from rao_gym.limits import check_count
from rao_gym.policies.loop import LoopThread
from rao_gym.policies.openai import TRANSPORT_OPTIONS, ChatClient, ServerOptions
from rao_gym.tree import ChatMessage, Node, TaskRecord, chat_message

NOT_FOR_JUDGES: Final = frozenset({"max_unanswered", "stop"})
"""Server options that mean nothing to a judge: it never ends a run, and its reply is one object."""

DEFAULTS: Final[Mapping[str, Any]] = {"temperature": 0.0, "timeout_s": 60.0, "max_retries": 3}
"""What differs from a policy's server: equal answers get equal verdicts, and nobody waits long for a short one."""

PATIENCE: Final = 3
"""Nodes in a row without a verdict after which the server counts as gone: until it answers, it is asked only once."""


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """Options of a judge, besides those of its server.

    Attributes:
        rubric: File with a rubric of the user's own; by default, the published one of the family.
        cache: Folder for verdicts, which runs may share; None keeps none.
        max_chars: Longest goal, answer and single reply of the environment that the judge sees whole.
        max_attempts: How often a judge is asked whose reply is not a verdict.
        json_schema: Whether to send the verdict's JSON schema, for servers that can be held to one.
    """

    rubric: str | None = None
    cache: str | None = None
    max_chars: int = 12_000
    max_attempts: int = 3
    json_schema: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        for name in ("max_chars", "max_attempts"):
            check_count(name, getattr(self, name))
        for name in ("rubric", "cache"):
            if getattr(self, name) is not None and not isinstance(getattr(self, name), str):
                raise InvalidValueError(f"{name} must be a path, got {getattr(self, name)!r}.")
        if not isinstance(self.json_schema, bool):
            raise InvalidValueError(f"json_schema must be true or false, got {self.json_schema!r}.")


class ModelJudge:
    """Asks a model for a verdict on each node; many requests are in flight at once.

    Nodes that look the same to the judge are asked about once.

    Args:
        model: The model's name on the server.
        family: Id of the family whose nodes it judges, which decides the rubric.
        server: Sampling, transport and prices.
        options: Rubric, cache and bounds.

    Attributes:
        model: The model's name on the server.
        rubric: What it is told to look for.
        calls: What its requests used, in the order in which they were answered.

    Raises:
        MissingFileError: The user's own rubric cannot be read.
        FileFormatError: It is not a rubric.
    """

    def __init__(
        self,
        model: str,
        family: str,
        server: ServerOptions | None = None,
        options: JudgeOptions | None = None,
    ) -> None:
        server, self._options = server or ServerOptions(**DEFAULTS), options or JudgeOptions()
        if self._options.json_schema:
            schema = {"name": "verdict", "strict": True, "schema": SCHEMA}
            form = {"response_format": {"type": "json_schema", "json_schema": schema}}
            server = replace(server, extra_body={**form, **server.extra_body})
        self.model = model
        self.rubric: Rubric = read_rubric(self._options.rubric) if self._options.rubric else rubric_of(family)
        self.calls: list[ModelCall] = []
        self._sampling = {
            each.name: value
            for each in fields(server)
            if each.name not in TRANSPORT_OPTIONS and (value := getattr(server, each.name)) is not None
        }
        self._client = ChatClient(model, server)
        self._cache = VerdictCache(Path(self._options.cache)) if self._options.cache else None
        self._loop = LoopThread()
        self._under_way: dict[str, asyncio.Task[Verdict]] = {}
        self._num_failed_in_a_row = 0

    def __call__(self, node: Node) -> float | None:
        """Return the signal of a node; None if the judge cannot tell.

        Raises:
            PolicyError: The server failed, or its replies were no verdicts.
        """
        return self.submit(node).result()

    def submit(self, node: Node, task: TaskRecord | None = None) -> Future[float | None]:
        """Ask about a node, and return at once.

        Args:
            node: A node that has finished.
            task: The task of its tree, for rubrics that show the right answer.

        Returns:
            A future of the signal; it raises `PolicyError` where the judge failed.
        """
        return self._loop.submit(self._score(node, task))

    def close(self) -> None:
        """Close the connections and end the event loop; a later node opens new ones."""
        self._loop.submit(self._client.close()).result()
        self._loop.close()

    async def _score(self, node: Node, task: TaskRecord | None) -> float | None:
        """Return the score of a node, from the cache, from a request under way, or from a new one."""
        messages = messages_for(node, self.rubric, max_chars=self._options.max_chars, task=task)
        key = key_of(self.model, self.rubric.label, self._sampling, messages)
        asked = self._under_way.get(key)
        if asked is None:
            if self._cache is not None and (found := self._cache.find(key)) is not None:
                return found.score
            asked = self._under_way[key] = asyncio.create_task(self._ask(key, messages))
            asked.add_done_callback(lambda _task: self._under_way.pop(key))
        return (await asyncio.shield(asked)).score

    async def _ask(self, key: str, messages: list[ChatMessage]) -> Verdict:
        """Ask the model until its reply is a verdict, and keep it.

        Raises:
            PolicyError: The server failed, or no reply was a verdict.
        """
        wrong = ""
        for _ in range(self._options.max_attempts):
            answer = await self._complete(messages)
            try:
                verdict = _verdict_of(answer)
            except ValueError as error:
                wrong = str(error)
                complaint = f"That is not a verdict: {wrong}. {FORM}"
                messages = [*messages, chat_message("assistant", answer.text), chat_message("user", complaint)]
                continue
            if self._cache is not None:
                self._cache.add(key, verdict, model=self.model, rubric=self.rubric.label)
            return verdict
        tries = f"{self._options.max_attempts} times" if self._options.max_attempts > 1 else "once"
        raise PolicyError(f"The judge {self.model} was asked {tries} and gave no verdict: {wrong}.")

    async def _complete(self, messages: list[ChatMessage]) -> Answer:
        """Request one reply and record what it used.

        Raises:
            ServerError: The server failed.
            PolicyError: The prompt exceeds the model's context.
        """
        try:
            answer = await self._client.complete(messages, retry=self._num_failed_in_a_row < PATIENCE)
        except ServerError as error:
            self._num_failed_in_a_row += 1
            raise ServerError(f"The judge failed: {error}") from error
        self._num_failed_in_a_row = 0
        if (call := answer.call(0)) is not None:
            self.calls.append(call)
        if answer.end is EndReason.OVERFLOW:
            raise PolicyError(f"The prompt exceeds the context of the judge {self.model}. Lower max_chars.")
        return answer


def _verdict_of(answer: Answer) -> Verdict:
    """Return the verdict in a reply.

    Raises:
        ValueError: It is not one.
    """
    if answer.end is EndReason.LENGTH:
        raise ValueError("the reply was cut off at its limit of tokens")
    return read_verdict(answer.text)
