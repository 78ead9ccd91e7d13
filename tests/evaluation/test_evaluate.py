"""Evaluation end to end: results, folders, continuing and replaying."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rao_gym.errors import (
    FileFormatError,
    InvalidValueError,
    MissingFileError,
    ServerError,
    UnknownNameError,
    UntrustedFileError,
    WindowTooSmallError,
)
from rao_gym.evaluation import EpisodeResult, evaluate, read_results, read_trees, replay
from rao_gym.policies.base import Answer, PartialAnswersError, PolicyLike, Turn, Usage
from rao_gym.tree import ExecutionTree

TOOLS = {"actions": "tools"}


def run(policy: str | PolicyLike, out: Path | None = None, **changes: Any) -> Any:
    chosen: dict[str, Any] = {"episodes": 3, "options": TOOLS, "out": out, **changes}
    return evaluate(policy, chosen.pop("ids", "test/Counting-v0"), chosen.pop("difficulties", [1, 3]), **chosen)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture(autouse=True)
def registered(counting_id: str) -> str:
    return counting_id


def test_results_are_measured_on_the_tree(solver: Any) -> None:
    trees: list[ExecutionTree | None] = []
    found = run(solver, progress=lambda _result, tree: trees.append(tree))
    assert [(result.difficulty, result.index) for result in found.results] == [(d, i) for d in (1, 3) for i in range(3)]
    easy, hard = found.results[0], found.results[-1]
    assert (easy.success, easy.stop_reason, easy.turns, easy.nodes, easy.depth) == (1.0, "finished", 2, 1, 0)
    # eight numbers: a root, two children and four grandchildren, each of two turns, three levels deep
    assert (hard.turns, hard.nodes, hard.depth, hard.critical_path, hard.refusals) == (14, 7, 2, 6, 0)
    assert hard.options == TOOLS
    assert hard.policy.endswith(":solve")
    assert len(trees) == 6
    last = trees[-1]
    assert last is not None
    assert hard.tokens == last.tokens
    assert hard.task == last.task.id
    assert [summary.success for summary in found.summaries] == [1.0, 1.0]
    assert found.summaries[1].speed_up == pytest.approx(14 / 6)


def test_a_quitter_fails(quitter: Any) -> None:
    assert {result.success for result in run(quitter).results} == {0.0}


def test_a_finished_folder_has_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    options = {"actions": "tools", "max_turns": 4, "max_nodes": 10}
    for workers in (1, 8):
        run("random", tmp_path / str(workers), workers=workers, options=options, episodes=6)
    assert contents(tmp_path / "1") == contents(tmp_path / "8")
    assert len(read_results(tmp_path / "1")) == 12
    assert sorted(contents(tmp_path / "1")) == ["results.jsonl", "settings.json", "summary.json", "trees.jsonl"]


@pytest.mark.parametrize(("save_trees", "num_trees"), [(0, 0), (2, 4), (None, 6)])
def test_the_first_trees_are_kept(tmp_path: Path, solver: Any, save_trees: int | None, num_trees: int) -> None:
    run(solver, tmp_path, save_trees=save_trees)
    if num_trees:
        trees = read_trees(tmp_path)
        assert [tree.task.id for tree in trees] == [
            result.task for result in read_results(tmp_path) if save_trees is None or result.index < save_trees
        ]
    assert (tmp_path / "trees.jsonl").read_text().count("\n") == num_trees


def longer_when_harder(text: str) -> int:
    """Count one token, and many more for the opening of a root of difficulty 3."""
    return 1_000 if "There are 8." in text else 1


def test_a_task_that_does_not_fit_its_window_is_excluded_and_the_others_count(tmp_path: Path, solver: Any) -> None:
    options = TOOLS | {"window": 100, "count_tokens": longer_when_harder}
    found = run(solver, tmp_path, options=options)
    assert [summary.success for summary in found.summaries] == [1.0, None]
    assert [summary.excluded for summary in found.summaries] == [0, 3]
    assert found.num_excluded == 3
    assert found.results[-1].error.startswith("window=100 cannot hold the opening messages, which take 1001 tokens.")
    assert run(solver, tmp_path, options=options).results == found.results
    with pytest.raises(WindowTooSmallError, match="window=100 cannot hold the opening messages"):
        run(solver, difficulties=3, options=options)


class Interrupting:
    """Raises after some batches, as Ctrl-C does."""

    def __init__(self, inner: Any, num_batches: int) -> None:
        self.inner, self.num_left, self.num_turns = inner, num_batches, 0

    def act(self, turns: Sequence[Turn]) -> Sequence[str]:
        self.num_left -= 1
        if self.num_left < 0:
            raise KeyboardInterrupt
        self.num_turns += len(turns)
        return list(self.inner(turns))


@pytest.mark.parametrize("num_batches", [1, 3, 7, 9])
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, solver: Any, num_batches: int) -> None:
    run(Interrupting(solver, 100), tmp_path / "whole", workers=2)
    policy = Interrupting(solver, num_batches)
    with pytest.raises(KeyboardInterrupt):
        run(policy, tmp_path / "parts", workers=2)
    num_done = len(read_results(tmp_path / "parts"))
    reported: list[ExecutionTree | None] = []
    policy = Interrupting(solver, 100)
    found = run(policy, tmp_path / "parts", workers=2, progress=lambda _result, tree: reported.append(tree))
    assert len(found.results) == 6
    assert sum(tree is None for tree in reported) == num_done
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_line_that_a_kill_cut_is_dropped_and_done_again(tmp_path: Path, solver: Any, cut: int) -> None:
    run(solver, tmp_path)
    whole = contents(tmp_path)
    for name in ("results.jsonl", "trees.jsonl"):
        os.truncate(tmp_path / name, (tmp_path / name).stat().st_size - cut)
    run(solver, tmp_path)
    assert contents(tmp_path) == whole


def test_a_tree_without_its_result_is_dropped(tmp_path: Path, solver: Any) -> None:
    run(solver, tmp_path)
    whole = contents(tmp_path)
    lines = whole["results.jsonl"].splitlines(keepends=True)
    (tmp_path / "results.jsonl").write_bytes(b"".join(lines[:-2]))
    run(solver, tmp_path)
    assert contents(tmp_path) == whole


def test_a_run_can_be_extended(tmp_path: Path, solver: Any) -> None:
    run(solver, tmp_path, difficulties=3, episodes=2)
    found = run(solver, tmp_path, difficulties=[1, 3], episodes=3)
    assert len(found.results) == 6
    assert len(run(solver, tmp_path, difficulties=1, episodes=2).results) == 2
    assert [entry["difficulty"] for entry in json.loads((tmp_path / "summary.json").read_text())] == [1, 3]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 1}, "seed=0, not 1"),
        ({"split": "train"}, 'split="test", not "train"'),
        ({"options": {"actions": "python"}}, "options="),
        ({"policy": "random"}, "policy="),
    ],
)
def test_a_folder_of_other_settings_is_refused(tmp_path: Path, solver: Any, changes: dict[str, Any], name: str) -> None:
    run(solver, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InvalidValueError, match="was made with") as caught:
        run(changes.pop("policy", solver), tmp_path, **changes)
    assert name in str(caught.value)
    assert contents(tmp_path) == before


def test_what_is_not_a_run_folder_is_refused(tmp_path: Path, solver: Any) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidValueError, match="is a file"):
        run(solver, tmp_path / "file")
    (tmp_path / "results.jsonl").write_text("{}\n")
    with pytest.raises(InvalidValueError, match=r"without settings\.json"):
        run(solver, tmp_path)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"settings\.json is not JSON"):
        run(solver, tmp_path)


@pytest.mark.parametrize("line", ["{", "5", '{"id": 1}', "\udcff"])
def test_a_spoilt_line_is_named(tmp_path: Path, solver: Any, line: str) -> None:
    run(solver, tmp_path)
    for name in ("results.jsonl", "trees.jsonl"):
        lines = (tmp_path / name).read_bytes().splitlines(keepends=True)
        lines[2] = line.encode(errors="surrogateescape") + b"\n"
        (tmp_path / name).write_bytes(b"".join(lines))
    with pytest.raises(FileFormatError, match=r"results\.jsonl, line 3"):
        run(solver, tmp_path)
    with pytest.raises(FileFormatError, match=r"trees\.jsonl, line 3"):
        read_trees(tmp_path)


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no nodes": lambda tree: tree.update(nodes=[]),
    "an id out of place": lambda tree: tree["nodes"][0].update(id=7),
    "a message without a role": lambda tree: tree["nodes"][0]["messages"][0].pop("role"),
    "messages that are none": lambda tree: tree["nodes"][0].update(messages=5),
    "turns that are no number": lambda tree: tree["nodes"][0].update(turns="x"),
    "a signal that is no number": lambda tree: tree["nodes"][0].update(signal="a"),
    "a signal out of range": lambda tree: tree["nodes"][0].update(signal=1.5),
    "a signal that is not finite": lambda tree: tree["nodes"][0].update(signal=float("nan")),
    "a parent that comes later": lambda tree: tree["nodes"][1].update(parent=-1),
    "a depth that is not its parent's plus 1": lambda tree: tree["nodes"][1].update(depth=7),
    "a position that is taken": lambda tree: tree["nodes"][1].update(position=3),
    "an end without a reason": lambda tree: tree["nodes"][0].update(stop_reason=None),
    "a task's difficulty": lambda tree: tree["task"].update(difficulty="x"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_tree_is_named(tmp_path: Path, solver: Any, damage: Callable[[dict[str, Any]], object]) -> None:
    run(solver, tmp_path)
    trees = map(json.loads, (tmp_path / "trees.jsonl").read_text().splitlines())
    tree = max(trees, key=lambda tree: len(tree["nodes"]))
    damage(tree)
    (tmp_path / "trees.jsonl").write_text(json.dumps(tree))
    with pytest.raises(FileFormatError, match=r"trees\.jsonl, line 1: not a tree"):
        read_trees(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"options": [1]},
        {"policy_options": None},
        {"difficulty": "x"},
        {"success": "q"},
        {"success": 1.5},
        {"turns": "x"},
    ],
)
def test_a_damaged_result_is_named(tmp_path: Path, solver: Any, changes: dict[str, Any]) -> None:
    run(solver, tmp_path)
    result = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[0])
    (tmp_path / "results.jsonl").write_text(json.dumps(result | changes))
    with pytest.raises(FileFormatError, match=rf"results\.jsonl, line 1: not a result: {next(iter(changes))} must be"):
        read_results(tmp_path)


def test_lines_that_are_no_trees_are_named_and_never_dropped(tmp_path: Path, solver: Any) -> None:
    run(solver, tmp_path)
    whole = (tmp_path / "trees.jsonl").read_text()
    for damaged in ("not a tree\n", "[" * 10_000 + "\n", '{"task": 3}\n'):
        (tmp_path / "trees.jsonl").write_text(damaged + whole)
        with pytest.raises(FileFormatError, match=r"trees\.jsonl, line 1: not a tree"):
            run(solver, tmp_path)
        assert (tmp_path / "trees.jsonl").read_text() == damaged + whole


def test_another_version_or_another_policy_content_is_another_run(tmp_path: Path) -> None:
    class Weights:
        def __init__(self, content: str) -> None:
            self.content = content

        def act(self, turns: Sequence[Turn]) -> list[str]:
            return ["" for _ in turns]

    run(Weights("a"), tmp_path)
    run(Weights("a"), tmp_path)
    with pytest.raises(InvalidValueError, match='made with policy_content="a", not "b"'):
        run(Weights("b"), tmp_path)


def test_a_function_may_have_a_content_too(tmp_path: Path) -> None:
    def silent(turns: Sequence[Turn]) -> list[str]:
        return ["" for _ in turns]

    silent.content = "a"  # type: ignore[attr-defined]
    run(silent, tmp_path)
    silent.content = "b"  # type: ignore[attr-defined]
    with pytest.raises(InvalidValueError, match='made with policy_content="a", not "b"'):
        run(silent, tmp_path)


def test_a_tree_in_a_file_of_its_own_may_be_indented(tmp_path: Path, solver: Any) -> None:
    run(solver, tmp_path)
    first = read_trees(tmp_path)[0]
    (tmp_path / "tree.json").write_text(json.dumps(json.loads(first.to_json()), indent=2))
    assert read_trees(tmp_path / "tree.json") == [first]


def test_missing_and_empty_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no trees in"):
        read_trees(tmp_path)
    with pytest.raises(MissingFileError, match="no results in"):
        read_results(tmp_path / "x")
    (tmp_path / "trees.jsonl").write_text("\n")
    with pytest.raises(FileFormatError, match="holds no trees"):
        read_trees(tmp_path)


def test_episodes_that_a_server_failed_are_excluded_and_tried_again(tmp_path: Path, solver: Any) -> None:
    def flaky(turns: Sequence[Turn]) -> list[str]:
        if any(turn.agent == "root.0" for turn in turns):
            raise ServerError("overloaded")
        return list(solver(turns))

    found = run(flaky, tmp_path, workers=1)
    assert [result.success for result in found.results] == [1.0] * 3 + [None] * 3
    assert found.num_excluded == 3
    assert found.summaries[1].excluded == 3
    assert json.loads((tmp_path / "results.jsonl").read_text().splitlines()[3])["error"] == "overloaded"
    reported: list[EpisodeResult] = []
    run(flaky, tmp_path, workers=1, difficulties=1, progress=lambda result, _tree: reported.append(result))
    assert len(reported) == 3
    assert found.results == tuple(read_results(tmp_path))


def test_what_an_excluded_episode_used_is_counted(tmp_path: Path, solver: Any) -> None:
    def costly(turns: Sequence[Turn]) -> list[Any]:
        if any(turn.agent == "root.0" for turn in turns):
            answers = [ServerError("down") if turn.agent == "root.0" else paid(turn) for turn in turns]
            raise PartialAnswersError(answers)
        return [paid(turn) for turn in turns]

    def paid(turn: Turn) -> Answer:
        return Answer(solver([turn])[0], model="m", usage=Usage(completion_tokens=10, cost=0.5))

    found = run(costly, tmp_path, difficulties=3, episodes=1)
    assert (found.results[0].success, found.results[0].error) == (None, "down")
    used = found.usage["m"]
    assert (used["calls"], used["completion_tokens"], used["cost"]) == (2, 20, 1.0)  # the root's turn, and root.1's
    assert found.summaries[0].usage == found.usage
    assert json.loads((tmp_path / "summary.json").read_text())[0]["usage"] == found.usage


def test_summaries_name_what_counted_the_tokens(solver: Any) -> None:
    assert {summary.token_counter for summary in run(solver).summaries} == {"approximate"}
    counted = run(solver, options={**TOOLS, "count_tokens": approximate}).summaries[0]
    assert counted.token_counter == f"{__name__}:approximate"


def test_a_result_can_be_played_again(tmp_path: Path, solver: Any) -> None:
    run("random", tmp_path, policy_options={"seed": 4}, options={"actions": "python", "max_turns": 3, "max_nodes": 9})
    trees = {tree.task.id: tree for tree in read_trees(tmp_path)}
    for result in read_results(tmp_path):
        again, tree = replay(result)
        assert again == result
        assert tree == trees[result.task]
    first = run(solver).results[4]
    assert replay(first, solver)[0] == first


def approximate(text: str) -> int:
    return len(text) // 2 + 1


def test_a_token_counter_is_kept_by_name(solver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    named = f"{Path(__file__).stem}:approximate"
    found = run(solver, options={"actions": "tools", "count_tokens": named}).results[0]
    plain = run(solver).results[0]
    assert found.tokens > 1.5 * plain.tokens
    with pytest.raises(UntrustedFileError, match="test_evaluate:approximate must be loaded"):
        replay(found, solver)
    assert replay(found, solver, trust=True)[0] == found


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ids": "test/Countin-v0"}, UnknownNameError, "Did you mean 'test/Counting-v0'"),
        ({"ids": []}, InvalidValueError, "ids must name at least one environment"),
        ({"difficulties": []}, InvalidValueError, "difficulties must hold at least one difficulty"),
        ({"difficulties": 0}, InvalidValueError, "difficulty must be at least 1"),
        ({"difficulties": ["x"]}, InvalidValueError, "difficulty must be an integer"),
        ({"episodes": 0}, InvalidValueError, "episodes must be at least 1"),
        ({"workers": None}, InvalidValueError, "workers must be an integer"),
        ({"seed": -1}, InvalidValueError, "seed must be at least 0"),
        ({"save_trees": -1}, InvalidValueError, "save_trees must be at least 0"),
        ({"split": "tset"}, UnknownNameError, "Did you mean 'test'"),
        ({"options": {"difficulty": 3}}, InvalidValueError, "difficulty is not an option"),
        ({"options": {"windw": 3}}, UnknownNameError, "Did you mean 'window'"),
        ({"options": {"actions": "pyton"}}, UnknownNameError, "Did you mean 'python'"),
        ({"options": {"window": 3}}, InvalidValueError, "window=3 cannot hold"),
        ({"options": {"count_tokens": "no:thing"}}, InvalidValueError, "Cannot import 'no:thing'"),
        ({"policy_options": {"seed": 3}}, UnknownNameError, "Unknown option of policy"),
    ],
)
def test_bad_values_are_named(solver: Any, changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        run(solver, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_values_leave_no_folder(tmp_path: Path, solver: Any) -> None:
    with pytest.raises(UnknownNameError):
        run(solver, tmp_path / "new", options={"windw": 3})
    assert not (tmp_path / "new").exists()
