"""A model server behind `rao eval`: what fails there is excluded, never scored."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rao_gym.cli import main
from rao_gym.evaluation import read_results
from rao_gym.tasks.arithmetic import Arithmetic


def solve(body: dict[str, Any]) -> str:
    """Answer a sum of difficulty 1, as a model would."""
    expression = re.search(r"Compute: (.*)", body["messages"][1]["content"])
    assert expression is not None
    answer = eval(expression.group(1), {"__builtins__": {}})
    return f"<tool_call>{json.dumps({'name': 'finish', 'arguments': {'answer': answer}})}</tool_call>"


@pytest.fixture
def evaluate_server(
    chat_server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, list[Any]]]:
    def run(*arguments: str) -> tuple[int, str, list[Any]]:
        exit_code = main(
            [
                *("eval", "rao/Arithmetic-v0", "-o", 'operators="+-"', "--policy", "openai:m"),
                *("--base-url", chat_server.url, "-p", "backoff_s=0.001", "--out", str(tmp_path / "run"), *arguments),
            ]
        )
        captured = capsys.readouterr()
        return exit_code, captured.out + captured.err, read_results(tmp_path / "run")

    return run


def test_a_busy_server_is_asked_again(chat_server: Any, evaluate_server: Any) -> None:
    seen: set[str] = set()

    def answer(body: dict[str, Any]) -> Any:
        question = body["messages"][1]["content"]
        if question not in seen:
            seen.add(question)
            return chat_server.response(status=429, headers={"Retry-After": "0"})
        return chat_server.completion(solve(body))

    chat_server.answer = answer
    exit_code, _, results = evaluate_server("--episodes", "6")
    assert exit_code == 0
    assert [result.success for result in results] == [1.0] * 6


def test_an_episode_that_the_server_fails_is_excluded_and_the_run_goes_on(
    chat_server: Any, evaluate_server: Any
) -> None:
    refused = Arithmetic(operators="+-").sample(0, "test", 1, 1).goal

    def answer(body: dict[str, Any]) -> Any:
        if refused in body["messages"][1]["content"]:
            return chat_server.response(status=400, body=b"I would rather not")
        return chat_server.completion(solve(body))

    chat_server.answer = answer
    exit_code, shown, results = evaluate_server("--episodes", "4", "--workers", "2")
    assert exit_code == 0
    assert [result.success for result in results] == [1.0, None, 1.0, 1.0]
    assert "I would rather not" in results[1].error
    assert "Excluded: 1 of 4 episodes" in shown


def test_a_model_that_does_not_exist_ends_the_command(chat_server: Any, evaluate_server: Any) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=404, body=b"no model m")
    exit_code, shown, results = evaluate_server("--episodes", "2")
    assert exit_code == 2
    assert shown == f"rao: {chat_server.url}/chat/completions refused the request: HTTP 404 (no model m).\n"
    assert results == []


def test_a_prompt_that_the_server_cannot_read_ends_its_node_and_counts(chat_server: Any, evaluate_server: Any) -> None:
    message = {"error": {"message": "This model's maximum context length is 64 tokens."}}
    chat_server.answer = lambda _body: chat_server.response(status=400, body=json.dumps(message).encode())
    exit_code, _, results = evaluate_server("--episodes", "2")
    assert exit_code == 0
    assert [(result.success, result.stop_reason, result.error) for result in results] == [
        (0.0, "out_of_window", "")
    ] * 2


def test_a_server_that_dies_stops_the_run_which_goes_on_at_another_address(
    chat_server: Any, evaluate_server: Any
) -> None:
    answered: list[str] = []

    def answer(body: dict[str, Any]) -> Any:
        if len(answered) >= 3:
            return chat_server.response(status=503)
        answered.append(body["messages"][1]["content"])
        return chat_server.completion(solve(body))

    chat_server.answer = answer
    tries = ("--workers", "1", "-p", "max_retries=0", "-p", "max_unanswered=2")
    exit_code, shown, results = evaluate_server("--episodes", "9", *tries)
    assert exit_code == 2
    assert "2 turns in a row without an answer" in shown
    assert sum(result.success == 1.0 for result in results) == 3
    chat_server.answer = lambda body: chat_server.completion(solve(body))
    chat_server.requests.clear()
    other = ("--base-url", chat_server.url.replace("127.0.0.1", "localhost"), "-p", 'extra_headers={"X-Key": "secret"}')
    exit_code, _, results = evaluate_server("--episodes", "9", *other)
    assert exit_code == 0
    assert [result.success for result in results] == [1.0] * 9
    assert len(chat_server.requests) == 6
    assert "secret" not in "".join(result.to_json() for result in results)


def test_usage_is_in_the_table_the_results_and_the_summary(
    chat_server: Any, evaluate_server: Any, tmp_path: Path
) -> None:
    def answer(body: dict[str, Any]) -> Any:
        usage = {"prompt_tokens": 2000, "completion_tokens": 50}
        choice = {"message": {"content": solve(body)}, "finish_reason": "stop"}
        document = {"model": "m-v2", "choices": [choice], "usage": usage}
        return chat_server.response(body=json.dumps(document).encode())

    chat_server.answer = answer
    _, shown, results = evaluate_server("--episodes", "3", "-p", "input_price=1", "-p", "output_price=10")
    used = results[0].usage["m-v2"]
    assert (used["calls"], used["prompt_tokens"], used["completion_tokens"]) == (1, 2000, 50)
    assert len(used["latency_s"]) == 1
    (summary,) = json.loads((tmp_path / "run" / "summary.json").read_text())
    total = summary["usage"]["m-v2"]
    assert (total["calls"], total["prompt_tokens"], total["ended"]) == (3, 6000, {"finished": 3})
    assert total["cost"] == pytest.approx(3 * 0.0025)
    assert total["latency_p50_s"] <= total["latency_p90_s"] <= total["latency_p99_s"]
    row = next(line for line in shown.splitlines() if "m-v2" in line)
    assert all(text in row for text in ("6,000", "150", "0.0075", "finished 3"))


def hear_ctrl_c() -> None:
    """Undo what a job in the background inherits: it is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_does_not_wait_for_a_slow_server(chat_server: Any, tmp_path: Path) -> None:
    asked, release = threading.Event(), threading.Event()

    def answer(_body: dict[str, Any]) -> Any:
        asked.set()
        release.wait(120)
        return chat_server.completion("late")

    chat_server.answer = answer
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rao_gym.cli", "eval", "rao/Arithmetic-v0"),
            *("--policy", "openai:m", "--base-url", chat_server.url),
        ],
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=hear_ctrl_c,
    )
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)  # the server holds its answer for longer than this
    release.set()
    assert process.returncode == 130
    assert err.startswith(b"rao: Interrupted: 0 of ")
