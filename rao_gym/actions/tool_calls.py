"""The ``tools`` action form: Hermes-style blocks, which chat templates and servers already support.

``<tool_call>{"name": "read", "arguments": {"start": 0, "end": 20}}</tool_call>``

The launches of a message run in parallel and are awaited together; replies come in the order of the calls. ``finish``
ends the node at once, so launches in the same message never start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rao_gym.actions.base import (
    TRUNCATED,
    ActionForm,
    Await,
    Finish,
    Interpreter,
    LaunchRequest,
    NodeHost,
    Outcome,
    Reply,
)
from rao_gym.actions.calls import CALL_EXAMPLE, read_calls
from rao_gym.boundary import RefusedValueError, plain
from rao_gym.errors import nearest
from rao_gym.jsonable import to_json_value
from rao_gym.tools import FINISH, LAUNCH, ToolError, ToolSpec

_TAG = re.compile(r"<(/?tool_response>)")
"""The tags of a reply. Inside a reply they get a backslash, so that a sub-agent's answer cannot forge another reply."""


class ToolCallActions(ActionForm):
    """Actions are ``<tool_call>`` blocks."""

    name = "tools"

    def instructions(self, specs: Sequence[ToolSpec]) -> str:
        """List the tools as JSON schemas, in the format that Hermes-style models were trained on."""
        lines = [json.dumps(spec.schema(), ensure_ascii=False) for spec in specs]
        return "\n".join(
            [
                "# Tools",
                "<tools>",
                *lines,
                "</tools>",
                f"Call them with JSON in tags: {CALL_EXAMPLE}",
                "Several calls in one message run at once.",
            ]
        )

    def open(self, host: NodeHost) -> Interpreter:
        """Return an interpreter, which has no state between messages."""
        return _ToolCallInterpreter(host)


class _ToolCallInterpreter:
    """Runs the calls of one message; `_replies` holds None for launches without a result yet."""

    __slots__ = ("_host", "_replies")

    def __init__(self, host: NodeHost) -> None:
        self._host = host
        self._replies: list[str | None] = []

    def run(self, text: str, *, truncated: bool = False) -> Outcome:
        """Run every complete call of the message in order, then wait for its launches."""
        calls = read_calls(text)
        if not calls:
            return Reply(f"Error: no action found. Write {CALL_EXAMPLE}")
        launches: list[LaunchRequest] = []
        self._replies = []
        for call in calls:
            spec = self._host.specs.get(call.name)
            if call.error or spec is None:
                self._replies.append(call.error or self._unknown(call.name))
                continue
            try:
                arguments = spec.bind((), plain(call.arguments, f"The call of {call.name}"))
                if spec.name == FINISH:
                    return Finish(arguments["answer"])
                if spec.name == LAUNCH:
                    launches.append(LaunchRequest(arguments))
                    self._replies.append(None)
                else:
                    result = self._host.call(spec.name, arguments)
                    self._replies.append(result.shown or _show(result.value))
            except (ToolError, RefusedValueError) as error:
                self._replies.append(f"Error: {error}")
        return Await(launches) if launches else self._reply()

    def resume(self, results: Sequence[Any]) -> Outcome:
        """Fill in the results of the launches."""
        remaining = iter(results)
        self._replies = [_show(next(remaining)) if reply is None else reply for reply in self._replies]
        return self._reply()

    def close(self) -> None:
        """Do nothing: there is no state between messages."""

    def _reply(self) -> Reply:
        """Return the replies to all calls as one message."""
        replies = [_TAG.sub(r"<\\\1", reply or "") for reply in self._replies]
        text = "\n".join(f"<tool_response>\n{reply}\n</tool_response>" for reply in replies)
        if len(text) > self._host.max_output_chars:
            text = text[: self._host.max_output_chars] + TRUNCATED
        return Reply(text)

    def _unknown(self, name: str) -> str:
        """Explain that a tool does not exist."""
        hint = nearest(name, self._host.specs)
        suggestion = f" Did you mean {hint!r}?" if hint else ""
        return f"Error: unknown tool {name[:80]!r}.{suggestion} Tools: {', '.join(self._host.specs)}."


def _show(value: Any) -> str:
    """Return a value as the transcript shows it: text as it is, anything else as JSON."""
    shown = to_json_value(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
