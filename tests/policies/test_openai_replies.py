"""What servers say, in the forms in which servers say it, and what the policy makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from counting import Counting, call

from rao_gym.answer import EndReason, Usage
from rao_gym.errors import PolicyError, ServerError
from rao_gym.policies.base import Turn
from rao_gym.policies.openai import ServerOptions
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tree import StopReason

OVERFLOWS: dict[str, tuple[int, Any]] = {
    "vllm": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 4500 tokens.",
            "code": 400,
        },
    ),
    "vllm prompt": (
        400,
        {"error": {"message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096."}},
    ),
    "vllm max_tokens": (
        400,
        {
            "error": {
                "message": "'max_tokens' or 'max_completion_tokens' is too large: 24. This model's maximum context "
                "length is 256 tokens and your request has 250 input tokens (24 > 256 - 250)."
            }
        },
    ),
    "openai": (400, {"error": {"message": "Too long.", "code": "context_length_exceeded"}}),
    "llama.cpp": (
        400,
        {"error": {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}},
    ),
    "tgi": (
        422,
        {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500", "error_type": "x"},
    ),
    "tgi both": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048."}),
    "sglang": (
        400,
        {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."},
    ),
    "200": (200, {"error": {"message": "This endpoint's maximum context length is 8192 tokens.", "code": 400}}),
}


def reply(server: Any, message: dict[str, Any], reason: str = "stop", **document: Any) -> Any:
    body = {"choices": [{"message": message, "finish_reason": reason}], **document}
    return server.response(body=json.dumps(body).encode())


@pytest.mark.parametrize("wording", OVERFLOWS)
def test_a_servers_limit_is_the_nodes_limit(policy: Any, chat_server: Any, turn: Turn, wording: str) -> None:
    status, document = OVERFLOWS[wording]
    chat_server.answer = lambda _body: chat_server.response(status=status, body=json.dumps(document).encode())
    (answer,) = policy(chat_server).answers([turn])
    assert (answer.text, answer.end) == ("", EndReason.OVERFLOW)
    assert len(chat_server.requests) == 1


def test_a_child_that_the_server_cannot_read_has_failed_for_its_parent(
    policy: Any, chat_server: Any, turn: Turn
) -> None:
    runtime = Runtime(Counting(), actions="tools")
    root = runtime.reset(0, 2)
    runtime.act(root, call("launch_subagent", goal="Sum the numbers.", start=0, end=1))
    (child,) = runtime.ready
    status, document = OVERFLOWS["vllm"]
    chat_server.answer = lambda _body: chat_server.response(status=status, body=json.dumps(document).encode())
    (answer,) = policy(chat_server).answers([turn_of(runtime, child)])
    runtime.act(child, answer)
    assert child.stop_reason is StopReason.OUT_OF_WINDOW
    assert "Subagent failed: out_of_window" in root.messages[-1]["content"]


def test_asking_for_more_than_any_prompt_leaves_is_an_error(policy: Any, chat_server: Any, turn: Turn) -> None:
    message = "'max_tokens' is too large: 9000. This model's maximum context length is 4096 tokens."
    body = json.dumps({"error": {"message": message}}).encode()
    chat_server.answer = lambda _body: chat_server.response(status=400, body=body)
    with pytest.raises(ServerError, match="too large: 9000"):
        policy(chat_server).act([turn])


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_is_kept_apart(policy: Any, chat_server: Any, turn: Turn, field: str) -> None:
    chat_server.answer = lambda _body: reply(chat_server, {"content": "act", field: "hmm"})
    (answer,) = policy(chat_server).answers([turn])
    assert (answer.text, answer.reasoning) == ("act", "hmm")


def test_content_in_parts_is_joined(policy: Any, chat_server: Any, turn: Turn) -> None:
    parts = [{"type": "thinking", "thinking": "hmm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    chat_server.answer = lambda _body: reply(chat_server, {"content": parts})
    (answer,) = policy(chat_server).answers([turn])
    assert (answer.text, answer.reasoning) == ("ab", "hmm")


@pytest.mark.parametrize("arguments", ['{"answer": 5}', {"answer": 5}])
def test_native_tool_calls_become_action_text(policy: Any, chat_server: Any, turn: Turn, arguments: Any) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "finish", "arguments": arguments}}]
    chat_server.answer = lambda _body: reply(chat_server, {"content": None, "tool_calls": calls}, "tool_calls")
    assert policy(chat_server).act([turn]) == ['<tool_call>{"name": "finish", "arguments": {"answer": 5}}</tool_call>']


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
def test_a_reply_that_was_cut_off_says_so(policy: Any, chat_server: Any, turn: Turn, reason: str) -> None:
    chat_server.answer = lambda _body: reply(chat_server, {"content": ""}, reason)
    (answer,) = policy(chat_server).answers([turn])
    assert (answer.text, answer.end) == ("", EndReason.LENGTH)
    assert len(chat_server.requests) == 1


@pytest.mark.parametrize(("content", "reason"), [("half of", "abort"), ("", "stop"), (None, "stop")])
def test_what_was_broken_off_or_is_empty_is_asked_for_again(
    policy: Any, chat_server: Any, turn: Turn, content: Any, reason: str
) -> None:
    tries = count()
    chat_server.answer = lambda _body: (
        reply(chat_server, {"content": content}, reason)
        if next(tries) == 0
        else reply(chat_server, {"content": "whole"})
    )
    assert policy(chat_server).act([turn]) == ["whole"]


def test_a_model_that_writes_nothing_is_not_a_failing_server(policy: Any, chat_server: Any, turn: Turn) -> None:
    chat_server.answer = lambda _body: reply(chat_server, {"content": ""}, usage={"completion_tokens": 1})
    assert policy(chat_server).act([turn]) == [""]
    assert len(chat_server.requests) == 1


@pytest.mark.parametrize(
    ("error", "num_requests"),
    [
        ({"error": {"message": "upstream is busy", "code": 429}}, 3),
        ({"error": {"message": "upstream is busy"}}, 3),
        ({"error": "upstream is busy"}, 3),
        ({"error": {"message": "upstream is busy", "code": 403}}, 1),
        ({"object": "error", "message": "upstream is busy", "code": 400}, 1),
        ({"error": {"message": "upstream is busy", "code": "insufficient_quota"}}, 1),
    ],
)
def test_an_error_in_an_ordinary_response_is_shown(
    policy: Any, chat_server: Any, turn: Turn, error: dict[str, Any], num_requests: int
) -> None:
    chat_server.answer = lambda _body: chat_server.response(body=json.dumps(error).encode())
    with pytest.raises(ServerError, match="an error in its response: upstream is busy"):
        policy(chat_server, max_retries=2).act([turn])
    assert len(chat_server.requests) == num_requests


def test_usage_is_the_servers(policy: Any, chat_server: Any, turn: Turn) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    chat_server.answer = lambda _body: reply(chat_server, {"content": "x"}, usage=usage, model="tiny-v2")
    prices = {"input_price": 2.0, "output_price": 10.0, "cached_input_price": 1.0}
    (answer,) = policy(chat_server, **prices).answers([turn])
    counted = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=400, reasoning_tokens=30)
    assert replace(answer.usage, cost=None) == counted
    assert answer.usage.cost == pytest.approx(0.0026)
    assert answer.model == "tiny-v2"
    assert answer.latency_s is not None
    (unpriced,) = policy(chat_server).answers([turn])
    assert unpriced.usage == counted


@pytest.mark.parametrize("usage", [None, 5, [], {"prompt_tokens": "many"}, {"prompt_tokens": -1, "cost": "1"}])
def test_odd_usage_is_not_known(policy: Any, chat_server: Any, turn: Turn, usage: Any) -> None:
    chat_server.answer = lambda _body: reply(chat_server, {"content": "x"}, usage=usage)
    (answer,) = policy(chat_server).answers([turn])
    assert answer.usage == Usage()


def test_a_server_that_is_gone_stops_the_run(policy: Any, chat_server: Any, turn: Turn) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=500)
    with pytest.raises(PolicyError, match=r"[3-8] turns in a row without an answer") as caught:
        policy(chat_server, max_retries=0, max_unanswered=3).act([turn] * 8)
    assert not isinstance(caught.value, ServerError)


def test_everything_a_user_may_send_is_sent(
    policy: Any, chat_server: Any, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "secret")
    sampling = {"top_p": 0.9, "seed": 3, "max_completion_tokens": 5, "stop": ["a"], "presence_penalty": 1.0}
    asked = policy(
        chat_server,
        **sampling,
        frequency_penalty=-1,
        extra_body={"top_k": 5},
        extra_headers={"X-Title": "t"},
        api_key_env="OTHER_KEY",
        organization="org",
    )
    asked.act([turn])
    body, headers = chat_server.requests[0], chat_server.headers[0]
    assert body.items() >= {**sampling, "frequency_penalty": -1, "top_k": 5}.items()
    assert headers.items() >= {"Authorization": "Bearer secret", "X-Title": "t", "OpenAI-Organization": "org"}.items()


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions"),
        ("https://h/openai?api-version=2", "https://h/openai/chat/completions?api-version=2"),
        ("http://h?x=y", "http://h/chat/completions?x=y"),
    ],
)
def test_the_path_goes_before_the_query(base_url: str, url: str) -> None:
    assert ServerOptions(base_url=base_url).url == url
