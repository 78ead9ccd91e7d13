"""A judge in `evaluate` and `rao eval`: real servers, and what results say of them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, running_server
from counting import Counting, call, registered
from judged import verdict

from rao_gym.cli import main
from rao_gym.errors import FileFormatError, InvalidValueError, PolicyError, UntrustedFileError
from rao_gym.evaluation import EvaluationResult, evaluate, read_results, read_trees, replay
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.rewards import recorded_signals
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.tree import Node


class Moods(Counting):
    """A family that verifies nothing."""

    id = "test/Moods-v0"

    def verify(self, task: Task[tuple[int, ...]], agent: Agent[tuple[int, ...]], value: JSON) -> float | None:
        return None


@pytest.fixture(autouse=True)
def moods() -> Iterator[str]:
    with registered(f"{__name__}:Moods", Moods.id) as id:
        yield id


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with running_server() as server:
        yield server


def delegate(turns: Sequence[Turn]) -> list[str]:
    """Launch two agents at the root, and answer with the agent's name."""
    return [
        "".join(call("launch_subagent", goal="Guess.", start=0, end=1) for _ in range(2))
        if turn.depth == 0 and len(turn.messages) == 2
        else call("finish", answer=turn.agent)
        for turn in turns
    ]


def run(out: Path | None = None, **changes: Any) -> EvaluationResult:
    chosen: dict[str, Any] = {"episodes": 3, "options": {"actions": "tools"}, "out": out, **changes}
    return evaluate(delegate, chosen.pop("id", Moods.id), **chosen)


def served(server: ChatServer, **options: Any) -> dict[str, Any]:
    return {
        "judge": "openai:critic",
        "judge_options": {"base_url": server.url, "backoff_s": 0.001, "max_retries": 1, **options},
    }


def of_node(server: ChatServer, scores: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    """Answer with the score, or the response, of each agent."""

    def answer(body: dict[str, Any]) -> Any:
        score = scores[json.loads(body["messages"][1]["content"])["answer"]]
        return server.completion(verdict(score)) if isinstance(score, float) else score

    return answer


def test_without_a_judge_what_nobody_verifies_counts_as_before() -> None:
    (summary,) = run().summaries
    assert (summary.success, summary.unjudged, summary.excluded) == (0.0, 0, 0)
    assert run().results[0].sources == {"root": 2, "zero": 1}


def test_a_judge_decides_and_results_say_so(chat_server: ChatServer) -> None:
    chat_server.answer = of_node(chat_server, {"root": 0.75, "root.0": 0.0, "root.1": 1.0})
    found = run(**served(chat_server))
    assert [result.success for result in found.results] == [0.75] * 3
    assert found.results[0].sources == {"judge": 3}
    assert (found.results[0].judge, found.results[0].signals) == ("openai:critic", "")
    assert found.results[0].judge_options["base_url"] == chat_server.url
    (summary,) = found.summaries
    assert summary.node_success == pytest.approx(1.75 / 3)
    assert found.num_unjudged == summary.unjudged == 0


def test_unjudged_nodes_are_counted_and_an_unjudged_root_is_excluded(chat_server: ChatServer) -> None:
    broken = chat_server.response(status=500)
    chat_server.answer = of_node(chat_server, {"root": 0.75, "root.0": broken, "root.1": 1.0})
    found = run(**served(chat_server))
    assert [(result.success, result.unjudged, result.judge_failures) for result in found.results] == [(0.75, 1, 1)] * 3
    assert found.num_unjudged == 3
    assert found.results[0].node_success == pytest.approx(0.875)
    chat_server.answer = of_node(chat_server, {"root": broken, "root.0": 0.5, "root.1": 1.0})
    found = run(**served(chat_server))
    assert [(result.success, result.unjudged) for result in found.results] == [(None, 1)] * 3
    assert found.results[0].error.startswith("The root is unjudged: The judge failed: ")
    assert found.num_excluded == 3
    (summary,) = found.summaries
    assert (summary.success, summary.excluded, summary.unjudged) == (None, 3, 3)


def test_saved_trees_and_their_page_tell_who_judged(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = of_node(
        chat_server, {"root": 0.75, "root.0": chat_server.response(status=401, body=b"no key"), "root.1": 1.0}
    )
    run(tmp_path / "run", episodes=1, **served(chat_server))
    (tree,) = read_trees(tmp_path / "run")
    assert [(node, each.signal) for node, each in tree.judgements.items()] == [(0, 0.75), (1, None), (2, 1.0)]
    assert tree.judgements[0].source == "judge"
    assert "no key" in tree.judgements[1].source
    assert recorded_signals(tree) == {0: 0.75, 2: 1.0}
    assert pickle.loads(pickle.dumps(tree)) == tree
    assert main(["view", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert all(text in page for text in ("by the judge", "unjudged: The judge failed"))
    assert "proxy: the root" not in page
    run(tmp_path / "plain", episodes=1)
    assert not read_trees(tmp_path / "plain")[0].judgements


@pytest.mark.parametrize("judgement", [[9, 1.0, "judge"], [0, 2, "judge"], [0, "1", "judge"], [True, 1, "judge"], [0]])
def test_a_tree_with_a_damaged_judgement_is_refused(judgement: list[Any], tmp_path: Path) -> None:
    run(tmp_path, episodes=1, judge=halve)
    file = tmp_path / "trees.jsonl"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"judgements": [judgement]}) + "\n")
    with pytest.raises(FileFormatError, match="line 1: not a tree"):
        read_trees(tmp_path)


def test_a_failing_judge_leaves_the_node_to_the_root(chat_server: ChatServer) -> None:
    chat_server.answer = of_node(chat_server, {"root": 0.75, "root.0": chat_server.response(status=401), "root.1": 1.0})
    found = run(signals="exact,judge,root", **served(chat_server))
    assert found.results[0].sources == {"judge": 2, "root": 1}
    assert (found.results[0].unjudged, found.results[0].judge_failures) == (0, 1)
    assert found.results[0].node_success == pytest.approx((0.75 + 0.75 + 1.0) / 3)


def test_a_resumed_run_judges_only_what_is_missing(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=503)
    found = run(tmp_path / "run", **served(chat_server))
    assert found.num_excluded == 3
    chat_server.answer = of_node(chat_server, {"root": 0.5, "root.0": 0.0, "root.1": 1.0})
    kept = served(chat_server, cache=str(tmp_path / "verdicts"))
    assert [result.success for result in run(tmp_path / "run", **kept).results] == [0.5] * 3
    num_requests = len(chat_server.requests)
    again = run(tmp_path / "run", **kept)
    assert len(chat_server.requests) == num_requests
    assert again.results == tuple(read_results(tmp_path / "run"))
    assert run(**kept).summaries[0].success == 0.5
    assert len(chat_server.requests) == num_requests  # all from the cache


def test_other_judges_are_other_runs(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = of_node(chat_server, {"root": 0.5, "root.0": 0.0, "root.1": 1.0})
    run(tmp_path / "run", **served(chat_server))
    run(
        tmp_path / "run",
        **served(chat_server, timeout_s=50, base_url=chat_server.url.replace("127.0.0.1", "localhost")),
    )
    rubric = tmp_path / "rubric.toml"
    rubric.write_text('name = "mine"\nversion = 1\ntext = "Be kind."\n')
    others: list[tuple[dict[str, Any], str]] = [
        ({}, "judge="),
        ({**served(chat_server), "judge": "openai:other"}, "judge="),
        (served(chat_server, temperature=1.0), "judge_options="),
        (served(chat_server, rubric=str(rubric)), "judge_options="),
        ({"signals": "judge", **served(chat_server)}, "signals="),
    ]
    for changes, named in others:
        with pytest.raises(InvalidValueError, match=f"was made with {named}"):
            run(tmp_path / "run", **changes)


def halve(node: Node) -> float:
    if node.position == 1:
        raise PolicyError("not my taste")
    return 0.5


def test_a_function_is_a_judge_too_and_replay_asks_it_again() -> None:
    found = run(judge=halve)
    assert found.results[0].judge == f"{__name__}:halve"
    assert (found.results[0].success, found.results[0].unjudged) == (0.5, 1)
    with pytest.raises(UntrustedFileError, match=r"halve must be loaded"):
        replay(found.results[0], delegate)
    again, _ = replay(found.results[0], delegate, judge=halve)
    assert again == found.results[0]


def test_a_judge_s_headers_are_not_written_down(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(1.0))
    run(tmp_path / "run", **served(chat_server, extra_headers={"X-Key": "secret"}))
    assert chat_server.headers[0]["X-Key"] == "secret"
    assert not any("secret" in file.read_text() for file in (tmp_path / "run").iterdir())


def test_the_command_judges_and_tells(
    chat_server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = {"prompt_tokens": 1_234, "completion_tokens": 9}
    choice = {"message": {"content": verdict(1.0)}, "finish_reason": "stop"}
    document = {"model": "critic-2", "choices": [choice], "usage": usage}
    chat_server.answer = lambda _body: chat_server.response(body=json.dumps(document).encode())
    evaluated = ("eval", "rao/Arithmetic-v0", "--policy", "random", "--episodes", "2", "-o", "max_turns=2")
    judged = ("--signals", "judge,root", "--judge", "openai:critic", "--judge-base-url", chat_server.url)
    assert main([*evaluated, *judged, "-j", f"cache={tmp_path / 'verdicts'}", "--out", str(tmp_path / "run")]) == 0
    assert [result.signals for result in read_results(tmp_path / "run")] == ["judge,root"] * 2
    assert main(["eval", "rao/Arithmetic-v0", "--policy", "reference", "--episodes", "2", *judged]) == 0
    shown = capsys.readouterr().out
    assert "what the judge used" in shown
    assert "critic-2" in shown
    chat_server.answer = lambda _body: chat_server.response(status=404, body=b"no model critic")
    assert main(["eval", "rao/Arithmetic-v0", "--episodes", "2", "--signals", "judge", *judged[2:]]) == 0
    shown = capsys.readouterr().out
    assert "Unjudged: 2 nodes without a signal, which count for nothing." in shown
    assert "no model critic" in " ".join(shown.split())
    assert main([*evaluated, "--signals", "exact,jugde"]) == 2
    assert "Did you mean 'judge'?" in capsys.readouterr().err
