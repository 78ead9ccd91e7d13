from __future__ import annotations

from pathlib import Path

import pytest

from rao_gym.cli import main
from rao_gym.evaluation import read_results

SPECIFICATION = """
name = "tiny"
version = 1
seed = 0
split = "test"
tasks_per_difficulty = 2

[[environments]]
name = "arithmetic"
id = "rao/Arithmetic-v0"
trained = [1]
tested = [2]
"""


@pytest.fixture
def suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "tiny.toml").write_text(SPECIFICATION)
    assert main(["bench", "freeze", str(tmp_path / "tiny.toml"), "--out", str(tmp_path / "tiny.json")]) == 0
    assert "Wrote 4 tasks of 1 environments" in capsys.readouterr().out
    return tmp_path / "tiny.json"


JUDGE = """
from rao_gym.errors import PolicyError

def doubtful(node):
    if node.parent is None and "1" in str(node.value):
        raise PolicyError("not sure")
    return 0.5
"""


def test_judges_decide_here_too(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "doubtful_judges.py").write_text(JUDGE)
    command = ["bench", "--suite", str(suite), "--arms", "recursive", "--out", str(tmp_path / "run")]
    judged = ["--signals", "judge,zero", "--judge", "doubtful_judges:doubtful"]
    assert main([*command, *judged]) == 0
    results = [result for file in (tmp_path / "run").rglob("results.jsonl") for result in read_results(file)]
    assert len(results) == 4
    for result in results:
        assert result.success == (None if result.unjudged else 0.5)
        assert result.judge == "doubtful_judges:doubtful"
    assert main(["bench", "validate", str(tmp_path / "run" / "results.json")]) == 0
    capsys.readouterr()
    assert main(command) == 2
    assert "holds a run with grading=" in capsys.readouterr().err


def test_run_validate_compare_merge(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, policy in (("one", "reference"), ("two", "random")):
        command = ["bench", "--suite", str(suite), "--arms", "recursive,single", "--policy", policy]
        assert main([*command, "--out", str(tmp_path / name)]) == 0
    assert "held" in capsys.readouterr().out
    assert main(["bench", "validate", str(tmp_path / "one" / "results.json")]) == 0
    assert main(["bench", "compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    shown = capsys.readouterr().out
    assert "is valid" in shown
    assert "-1.00" in shown
    assert main(["bench", "merge", str(tmp_path / "one"), "--out", str(tmp_path / "merged")]) == 0
    assert main(["bench", "merge", str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(tmp_path / "m2")]) == 2
    assert "their policies differ" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench"], "--out DIR is needed"),
        (["bench", "--suite", "quik", "--out", "x"], "Did you mean 'quick'"),
        (["bench", "--arms", "recursiv", "--out", "x"], "Did you mean 'recursive'"),
        (["bench", "--environments", "arithmetics", "--out", "x"], "Did you mean 'arithmetic'"),
        (["bench", "--shard", "5/4", "--out", "x"], "like 3/16"),
        (["bench", "--polcy=x"], "Did you mean '--policy'"),
        (["bench", "validate", "nowhere/results.json"], "There is no file"),
        (["bench", "compare", "nowhere", "nowhere"], "not the folder of a benchmark run"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
