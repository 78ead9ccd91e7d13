"""Read a chat completion: the action, how it ended, its reasoning and usage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rao_gym.actions.calls import CALL_TAGS
from rao_gym.answer import Answer, EndReason, Usage
from rao_gym.errors import ServerError
from rao_gym.policies.openai.failures import PassingError
from rao_gym.policies.openai.settings import ServerOptions

_CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
_ABORTED = frozenset({"abort", "aborted", "cancelled", "error"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_TOKENS_PER_PRICE = 1_000_000


def read_reply(document: Any, options: ServerOptions, *, latency_s: float | None = None) -> Answer:
    """Return a chat completion as an answer.

    Reasoning in a field of its own stays separate from the action. Tool calls in the server's own form are appended
    to the text as ``<tool_call>`` blocks.

    Args:
        document: The response's JSON.
        options: Used for prices.
        latency_s: Seconds that the request took.

    Raises:
        PassingError: It is not a chat completion, or the server aborted it.
        ServerError: The server withheld the reply.
    """
    try:
        choice = document["choices"][0]
        message = choice["message"]
        content, reason = message.get("content"), choice.get("finish_reason")
    except (LookupError, TypeError, AttributeError) as error:
        raise PassingError("the response is not a chat completion: it has no choices[0].message") from error
    if reason in _ABORTED:
        raise PassingError(f"the server aborted the reply (finish_reason {reason!r})")
    if reason == "content_filter":
        raise ServerError("The server's content filter withheld the reply.")
    text, reasoning = _texts(content)
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    parts = [text, *_native_calls(message)]
    own_field = next((message[name] for name in _REASONING_FIELDS if isinstance(message.get(name), str)), "")
    model = document.get("model")
    return Answer(
        text="\n".join(part for part in parts if part),
        end=EndReason.LENGTH if reason in _CUT_OFF else EndReason.FINISHED,
        reasoning=own_field or reasoning,
        usage=read_usage(document.get("usage"), options),
        latency_s=latency_s,
        model=model if isinstance(model, str) else "",
    )


def is_blank(answer: Answer) -> bool:
    """Tell whether the model ended its turn without writing anything."""
    written = answer.text.strip() or answer.reasoning or answer.usage.completion_tokens
    return answer.end is EndReason.FINISHED and not written


def read_usage(document: Any, options: ServerOptions) -> Usage:
    """Return the usage of a reply; its cost is the server's figure, or else computed from the options' prices."""
    if not isinstance(document, Mapping):
        return Usage()
    prompt, completion = _count(document, "prompt_tokens"), _count(document, "completion_tokens")
    cached = _count(document.get("prompt_tokens_details"), "cached_tokens")
    cost = document.get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < float("inf"):
        cost = _cost(options, prompt or 0, completion or 0, cached or 0)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        reasoning_tokens=_count(document.get("completion_tokens_details"), "reasoning_tokens"),
        cost=cost,
    )


def _cost(options: ServerOptions, prompt: int, completion: int, cached: int) -> float | None:
    """Return the price of a reply; None if no prices are set."""
    if options.input_price is None and options.output_price is None:
        return None
    fresh_price = options.input_price or 0.0
    cached_price = fresh_price if options.cached_input_price is None else options.cached_input_price
    cached = min(cached, prompt)
    price = (prompt - cached) * fresh_price + cached * cached_price + completion * (options.output_price or 0.0)
    return price / _TOKENS_PER_PRICE


def _count(document: Any, name: str) -> int | None:
    """Return a count from a usage record; None if it is missing."""
    value = document.get(name) if isinstance(document, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _texts(content: Any) -> tuple[str, str]:
    """Return the text and the reasoning of a message's content, which is text or a list of parts."""
    if isinstance(content, str):
        return content, ""
    text: list[str] = []
    reasoning: list[str] = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            (reasoning if part.get("type") in ("reasoning", "thinking") else text).append(part["text"])
        elif isinstance(part, dict) and isinstance(part.get("thinking"), str):
            reasoning.append(part["thinking"])
    return "".join(text), "".join(reasoning)


def _native_calls(message: Mapping[str, Any]) -> list[str]:
    """Return the tool calls that a server parsed out of the text, as action text.

    Arguments that are not JSON are kept unchanged, so that the environment's reply can say what is wrong with them.
    """
    calls = message.get("tool_calls") or []
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if isinstance(message.get("function_call"), dict):
        functions.append(message["function_call"])
    return [_call_text(function) for function in functions if isinstance(function, dict)]


def _call_text(function: Mapping[str, Any]) -> str:
    """Return one native call as a ``<tool_call>``."""
    arguments = function.get("arguments")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    name = json.dumps(function.get("name"), ensure_ascii=False)
    return f'{CALL_TAGS[0]}{{"name": {name}, "arguments": {written or "{}"}}}{CALL_TAGS[1]}'
