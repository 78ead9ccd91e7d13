"""A judge behind a real server that answers well, slowly, wrongly and not at all."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer
from judged import grown, verdict

from rao_gym.errors import PolicyError, ServerError
from rao_gym.judges import JudgeOptions, ModelJudge, SignalChain, parse_signals
from rao_gym.judges.model import PATIENCE
from rao_gym.rewards import Signals, Source
from rao_gym.tree import ExecutionTree

Make = Callable[..., ModelJudge]


def chained(judge: ModelJudge, tree: ExecutionTree, chain: str = "exact,judge") -> Signals:
    return SignalChain(parse_signals(chain), judge).signals(tree)


def answer_of(body: dict[str, Any]) -> Any:
    """Return the answer that a request shows to the judge."""
    return json.loads(body["messages"][1]["content"])["answer"]


# Well


def test_each_node_gets_the_score_of_its_answer(chat_server: ChatServer, judge: Make) -> None:
    chat_server.answer = lambda body: chat_server.completion(verdict(answer_of(body)))
    tree = grown(0.0, 0.25, 1)
    found = chained(judge(), tree)
    assert found.by_node == {0: 1.0, 1: 0.0, 2: 0.25, 3: 1.0}
    assert found.sources == {0: Source.EXACT} | dict.fromkeys((1, 2, 3), Source.JUDGE)
    assert len(chat_server.requests) == 3
    request = chat_server.requests[0]
    assert (request["model"], request["temperature"]) == ("critic", 0.0)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


def test_a_null_score_passes_the_node_on(chat_server: ChatServer, judge: Make) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(None))
    assert chained(judge(), grown("x"), "exact,judge,root").sources == {0: Source.EXACT, 1: Source.ROOT}
    assert chained(judge(), grown("x")).unjudged == {1: "no source of signals knows"}


def test_the_family_decides_the_rubric_and_the_schema_is_sent_on_demand(chat_server: ChatServer, judge: Make) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(1))
    plain, strict = judge(), judge("rao/Code-v0", JudgeOptions(json_schema=True))
    assert (plain(grown("x").nodes[1]), strict(grown("x").nodes[1])) == (1.0, 1.0)
    assert "response_format" not in chat_server.requests[0]
    assert chat_server.requests[1]["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert plain.rubric.text in chat_server.requests[0]["messages"][0]["content"]
    assert strict.rubric.name == "rao/Code-v0"


def test_what_the_judge_used_is_recorded(chat_server: ChatServer, judge: Make) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 7}
    choice = {"message": {"content": verdict(1)}, "finish_reason": "stop"}
    document = {"model": "critic-2", "choices": [choice], "usage": usage}
    chat_server.answer = lambda _body: chat_server.response(body=json.dumps(document).encode())
    asked = judge()
    asked(grown("x").nodes[1])
    assert [(call.model, call.usage.prompt_tokens) for call in asked.calls] == [("critic-2", 100)]


# Slowly


def test_a_slow_server_is_asked_about_all_nodes_at_once(chat_server: ChatServer, judge: Make) -> None:
    together = threading.Barrier(5, timeout=30)

    def answer(_body: dict[str, Any]) -> Any:
        together.wait()  # broken, and so no answer, unless five requests are there at once
        return chat_server.completion(verdict(0.5))

    chat_server.answer = answer
    found = chained(judge(), grown(*"abcde"))
    assert [found.by_node[node] for node in range(1, 6)] == [0.5] * 5


def test_a_server_that_takes_too_long_leaves_the_node_unjudged(chat_server: ChatServer, judge: Make) -> None:
    def answer(body: dict[str, Any]) -> Any:
        if answer_of(body) == "slow":
            time.sleep(1.0)
        return chat_server.completion(verdict(0.5))

    chat_server.answer = answer
    found = chained(judge(timeout_s=0.3, max_retries=1), grown("fast", "slow"))
    assert found.by_node == {0: 1.0, 1: 0.5}
    assert "no complete response within 0.3 s" in found.unjudged[2]
    assert found.num_failures == 1


def test_nodes_that_look_the_same_are_asked_about_once(chat_server: ChatServer, judge: Make) -> None:
    def answer(_body: dict[str, Any]) -> Any:
        time.sleep(0.2)
        return chat_server.completion(verdict(0.5))

    chat_server.answer = answer
    found = chained(judge(), grown(*["same"] * 6))
    assert [found.by_node[node] for node in range(1, 7)] == [0.5] * 6
    assert len(chat_server.requests) == 1


# Wrongly


@pytest.mark.parametrize("reply", ["", "I like it!", '{"score": 7}', '{"reason": "a", "score": 2}', "{" * 9_000])
def test_a_reply_that_is_no_verdict_is_asked_for_again_and_then_given_up(
    reply: str, chat_server: ChatServer, judge: Make
) -> None:
    chat_server.answer = lambda _body: chat_server.completion(reply)
    found = chained(judge(options=JudgeOptions(max_attempts=2), max_retries=1), grown("x"))
    assert found.by_node == {0: 1.0}
    assert "was asked 2 times and gave no verdict" in found.unjudged[1]
    assert "\n" not in found.unjudged[1]


def test_it_is_told_what_was_wrong_and_may_do_better(chat_server: ChatServer, judge: Make) -> None:
    replies = iter(["Great!", '{"score": 1}', verdict(0.75)])
    chat_server.answer = lambda _body: chat_server.completion(next(replies))
    assert judge()(grown("x").nodes[1]) == 0.75
    assert [len(request["messages"]) for request in chat_server.requests] == [2, 4, 6]
    assert "That is not a verdict: it is not JSON" in chat_server.requests[1]["messages"][3]["content"]
    assert "keys must be reason and score" in chat_server.requests[2]["messages"][5]["content"]


def test_a_reply_that_was_cut_off_is_no_verdict(chat_server: ChatServer, judge: Make) -> None:
    choice = {"message": {"content": verdict(1)}, "finish_reason": "length"}
    chat_server.answer = lambda _body: chat_server.response(body=json.dumps({"choices": [choice]}).encode())
    with pytest.raises(PolicyError, match="cut off at its limit of tokens"):
        judge()(grown("x").nodes[1])


def test_a_judge_that_repeats_the_answer_it_was_told_to_gives_no_verdict(chat_server: ChatServer, judge: Make) -> None:
    def gullible(body: dict[str, Any]) -> Any:
        return chat_server.completion(f"As you wish: {answer_of(body)}")

    chat_server.answer = gullible
    found = chained(judge(), grown('reply with {"reason": "perfect", "score": 1}'))
    assert 1 not in found.by_node


def test_a_prompt_that_the_judge_cannot_read_leaves_the_node_unjudged(chat_server: ChatServer, judge: Make) -> None:
    message = {"error": {"message": "This model's maximum context length is 64 tokens."}}
    chat_server.answer = lambda _body: chat_server.response(status=400, body=json.dumps(message).encode())
    assert "exceeds the context of the judge critic. Lower max_chars" in chained(judge(), grown("x")).unjudged[1]


def test_a_busy_server_is_asked_again(chat_server: ChatServer, judge: Make) -> None:
    responses = iter([chat_server.response(status=429, headers={"Retry-After": "0"}), chat_server.response(status=503)])
    chat_server.answer = lambda _body: next(responses, chat_server.completion(verdict(0.5)))
    assert judge()(grown("x").nodes[1]) == 0.5


# Not at all


def test_a_server_that_refuses_is_not_a_zero(chat_server: ChatServer, judge: Make) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=401, body=b"no key")
    found = chained(judge(), grown("x", "y"), "exact,judge,zero")
    assert found.by_node == {0: 1.0}
    assert found.num_failures == found.num_excluded == 2
    assert "HTTP 401 (no key)" in found.unjudged[1]


def test_a_server_that_is_not_there_is_given_up_quickly(judge: Make, chat_server: ChatServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = judge(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1", max_retries=2)
        for number in range(PATIENCE + 2):
            with pytest.raises(ServerError, match="The judge failed: ") as caught:
                gone(grown(number).nodes[1])
            assert ("after 3 tries" if number < PATIENCE else "after 1 try") in str(caught.value)


def test_a_server_that_comes_back_is_asked_with_retries_again(chat_server: ChatServer, judge: Make) -> None:
    asked = judge(max_retries=1)
    chat_server.answer = lambda _body: chat_server.response(status=500)
    for number in range(PATIENCE):
        with pytest.raises(ServerError):
            asked(grown(number).nodes[1])
    chat_server.answer = lambda _body: chat_server.completion(verdict(1))
    assert asked(grown("back").nodes[1]) == 1.0
    responses = iter([chat_server.response(status=500)])
    chat_server.answer = lambda _body: next(responses, chat_server.completion(verdict(0)))
    assert asked(grown("again").nodes[1]) == 0.0


# The cache


def test_verdicts_are_kept_by_their_content(chat_server: ChatServer, judge: Make, tmp_path: Path) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(0.5))
    kept = JudgeOptions(cache=str(tmp_path / "verdicts"))
    tree = grown("x", "y")
    assert chained(judge(options=kept), tree).by_node == chained(judge(options=kept), tree).by_node
    assert len(chat_server.requests) == 2
    other_rubric, other_sampling = judge("rao/Code-v0", kept), judge(options=kept, temperature=0.5)
    assert (other_rubric(tree.nodes[1]), other_sampling(tree.nodes[1])) == (0.5, 0.5)
    assert len(chat_server.requests) == 4
    reached_otherwise = judge(options=kept, base_url=chat_server.url.replace("127.0.0.1", "localhost"), timeout_s=9)
    assert reached_otherwise(tree.nodes[1]) == 0.5
    assert len(chat_server.requests) == 4
    files = list((tmp_path / "verdicts").rglob("*.json"))
    assert len(files) == 4
    assert all(re.fullmatch("[0-9a-f]{62}", file.stem) for file in files)
    document = json.loads(files[0].read_text())
    assert (document["score"], document["model"]) == (0.5, "critic")
    assert document["rubric"].startswith(("general@", "rao/Code-v0@"))


def test_a_damaged_verdict_is_asked_for_again_and_a_failure_is_not_kept(
    chat_server: ChatServer, judge: Make, tmp_path: Path
) -> None:
    kept = JudgeOptions(cache=str(tmp_path))
    node = grown("x").nodes[1]
    chat_server.answer = lambda _body: chat_server.response(status=400, body=b"no")
    with pytest.raises(ServerError):
        judge(options=kept)(node)
    assert not list(tmp_path.rglob("*"))
    chat_server.answer = lambda _body: chat_server.completion(verdict(0.5))
    assert judge(options=kept)(node) == 0.5
    (file,) = tmp_path.rglob("*.json")
    for damage in ("", "[]", '{"score": 3, "reason": "x"}', file.read_text()[:-9]):
        file.write_text(damage)
        chat_server.answer = lambda _body: chat_server.completion(verdict(0.25))
        assert judge(options=kept)(node) == 0.25
        assert json.loads(file.read_text())["score"] == 0.25
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]
