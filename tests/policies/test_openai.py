"""The server policy against a real HTTP server."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import formatdate
from itertools import count
from typing import Any

import pytest

from rao_gym.errors import InvalidValueError, ServerError
from rao_gym.policies.base import Answer, PartialAnswersError, Turn, ask
from rao_gym.policies.openai import ServerOptions


def test_a_request_carries_the_transcript_and_the_sampling_options(
    policy: Any, chat_server: Any, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert policy(chat_server, temperature=0.5, max_tokens=7).act([turn]) == ["ok"]
    assert chat_server.requests == [
        {"model": "tiny", "messages": list(turn.messages), "temperature": 0.5, "max_tokens": 7}
    ]
    assert chat_server.paths == ["/v1/chat/completions"]
    assert chat_server.headers[0][
        "authorization" if "authorization" in chat_server.headers[0] else "Authorization"
    ] == ("Bearer secret")


def test_without_a_key_and_options_neither_is_sent(
    policy: Any, chat_server: Any, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    policy(chat_server).act([turn])
    assert set(chat_server.requests[0]) == {"model", "messages"}
    assert "authorization" not in {name.lower() for name in chat_server.headers[0]}


def test_answers_keep_the_order_of_the_turns(policy: Any, chat_server: Any, turn: Turn) -> None:
    def answer(body: dict[str, Any]) -> Any:
        name = body["messages"][0]["content"]
        time.sleep(0.03 if name == "0" else 0)
        return chat_server.completion(f"reply {name}")

    chat_server.answer = answer
    turns = [
        Turn(
            agent="root",
            depth=0,
            messages=[{"role": "user", "content": str(number)}],
            limits=turn.limits,
            tools=turn.tools,
            actions="tools",
        )
        for number in range(5)
    ]
    assert policy(chat_server).act(turns) == [f"reply {number}" for number in range(5)]


@pytest.mark.parametrize("content", [None, 5, [5], {"x": 1}])
def test_a_reply_without_text_is_an_empty_action(policy: Any, chat_server: Any, turn: Turn, content: object) -> None:
    chat_server.answer = lambda _body: chat_server.completion(content)
    assert policy(chat_server, max_retries=1).act([turn]) == [""]


def test_a_message_without_content_is_an_empty_action(policy: Any, chat_server: Any, turn: Turn) -> None:
    chat_server.answer = lambda _body: chat_server.response(body=b'{"choices": [{"message": {}}]}')
    assert policy(chat_server, max_retries=1).act([turn]) == [""]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_failures_that_pass_are_retried(policy: Any, chat_server: Any, turn: Turn, status: int) -> None:
    tries = count()
    chat_server.answer = lambda _body: (
        chat_server.response(status=status) if next(tries) < 2 else chat_server.completion("at last")
    )
    assert policy(chat_server, max_retries=2).act([turn]) == ["at last"]
    assert len(chat_server.requests) == 3


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(policy: Any, chat_server: Any, turn: Turn, as_date: bool) -> None:
    times: list[float] = []

    def answer(_body: dict[str, Any]) -> Any:
        times.append(time.time())
        if len(times) > 1:
            return chat_server.completion("ok")
        wait = formatdate(times[0] + 2, usegmt=True) if as_date else "0.3"
        return chat_server.response(status=429, headers={"Retry-After": wait})

    chat_server.answer = answer
    assert policy(chat_server).act([turn]) == ["ok"]
    assert times[1] - times[0] >= 0.3


def test_a_refused_request_is_not_retried(policy: Any, chat_server: Any, turn: Turn) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=404, body=b"no such model")
    with pytest.raises(ServerError, match=r"chat/completions refused the request: HTTP 404 \(no such model\)"):
        policy(chat_server).act([turn])
    assert len(chat_server.requests) == 1


NO_COMPLETIONS = [b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"\xff\xfe", b"[" * 200_000]


@pytest.mark.parametrize("body", NO_COMPLETIONS, ids=range(len(NO_COMPLETIONS)))
def test_what_is_not_a_completion_is_named(policy: Any, chat_server: Any, turn: Turn, body: bytes) -> None:
    chat_server.answer = lambda _body: chat_server.response(body=body)
    with pytest.raises(ServerError, match=r"/chat/completions gave no answer after 2 tries: the response is not"):
        policy(chat_server, max_retries=1).act([turn])
    assert len(chat_server.requests) == 2


def test_a_slow_server_times_out(policy: Any, chat_server: Any, turn: Turn) -> None:
    release = threading.Event()
    chat_server.answer = lambda _body: chat_server.completion(str(release.wait(10)))
    with pytest.raises(ServerError, match=r"after 2 tries: no complete response within 0\.1 s"):
        policy(chat_server, max_retries=1, timeout_s=0.1).act([turn])
    release.set()
    assert len(chat_server.requests) == 2


def test_a_server_that_drips_times_out(policy: Any, turn: Turn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                try:
                    for _ in range(200):
                        connection.sendall(b" ")
                        time.sleep(0.02)
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        options = {"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}", "timeout_s": 0.2, "max_retries": 0}
        with pytest.raises(ServerError, match="no complete response within"):
            policy(**options).act([turn])


def test_a_server_that_dies_amid_its_reply_is_asked_again(policy: Any, turn: Turn) -> None:
    body = b'{"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}'
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def die_then_answer() -> None:
            for length in (len(body) - 20, len(body)):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1_000_000)
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                    connection.sendall(head + body[:length])

        threading.Thread(target=die_then_answer, daemon=True).start()
        asked = policy(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", max_retries=1)
        assert asked.act([turn]) == ["whole"]


def test_a_refused_connection_is_named(policy: Any, turn: Turn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = {"base_url": f"http://127.0.0.1:{port}/v1", "max_retries": 1}
    with pytest.raises(ServerError, match=rf"http://127.0.0.1:{port}/v1/chat/completions gave no answer after 2 tries"):
        policy(**options).act([turn])


def test_one_failing_turn_leaves_the_others_their_answers(policy: Any, chat_server: Any, turn: Turn) -> None:
    chat_server.answer = lambda body: (
        chat_server.completion("good") if len(body["messages"]) == 2 else chat_server.response(status=400)
    )
    bad = Turn(agent="root", depth=0, messages=[], limits=turn.limits, tools=turn.tools, actions="tools")
    with pytest.raises(PartialAnswersError) as caught:
        policy(chat_server).act([turn, bad, turn])
    assert [answer.text if isinstance(answer, Answer) else "failed" for answer in caught.value.answers] == [
        "good",
        "failed",
        "good",
    ]
    answers = ask(policy(chat_server).policy, [turn, bad])
    assert answers[0].text == "good"
    assert isinstance(answers[1], ServerError)


def test_concurrency_stays_bounded(policy: Any, chat_server: Any, turn: Turn) -> None:
    lock, inside, most = threading.Lock(), 0, 0
    three_at_once = threading.Barrier(3)

    def answer(_body: dict[str, Any]) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        three_at_once.wait(10)
        with lock:
            inside -= 1
        return chat_server.completion("ok")

    chat_server.answer = answer
    assert policy(chat_server, max_concurrency=3).act([turn] * 12) == ["ok"] * 12
    assert most == 3


def test_a_policy_can_be_used_again_after_a_failure(policy: Any, chat_server: Any, turn: Turn) -> None:
    asked = policy(chat_server, max_retries=0)
    chat_server.answer = lambda _body: chat_server.response(status=500)
    with pytest.raises(ServerError):
        asked.act([turn])
    chat_server.answer = lambda _body: chat_server.completion("fine")
    assert asked.act([turn]) == ["fine"]
    assert asked.act([]) == []


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "localhost:8000"},
        {"base_url": "http://"},
        {"base_url": "http://host:99999"},
        {"base_url": 5},
        {"temperature": -1},
        {"temperature": "hot"},
        {"max_tokens": 0},
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"max_retries": -1},
        {"max_concurrency": 0},
        {"max_concurrency": None},
        {"backoff_s": None},
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(options))):
        ServerOptions(**options)
