"""What the commands do when all is well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rao_gym.evaluation import read_results, read_trees

ARITHMETIC = "rao/Arithmetic-v0"
Rao = Callable[..., Any]


def test_envs_lists_every_id(rao: Rao) -> None:
    done = rao("envs")
    assert done.exit_code == 0
    for id in ("rao/LongContext-v0", ARITHMETIC, "rao/Code-v0", "rao/TextCraft-v0"):
        assert id in done.out


def test_eval_prints_a_table_and_keeps_results(rao: Rao, tmp_path: Path) -> None:
    done = rao("eval", ARITHMETIC, "--difficulty", "1-2,4", "--episodes", "3", "--out", "run", "--save-trees", "1")
    assert done.exit_code == 0
    assert done.err == ""
    rows = [line.split("│") for line in done.out.splitlines() if line.startswith("│")]
    assert [row[1].strip() for row in rows] == ["1", "2", "4"]
    assert {row[2].strip() for row in rows} == {"1.00"}
    assert "rao view run" in done.out
    assert [result.difficulty for result in read_results(tmp_path / "run")] == [1] * 3 + [2] * 3 + [4] * 3
    assert len(read_trees(tmp_path / "run")) == 3


def test_eval_goes_on_and_starts_over(rao: Rao, tmp_path: Path) -> None:
    arguments = ("eval", ARITHMETIC, "--episodes", "2", "--out", "run")
    rao(*arguments)
    before = (tmp_path / "run" / "results.jsonl").read_bytes()
    assert rao(*arguments).exit_code == 0
    assert (tmp_path / "run" / "results.jsonl").read_bytes() == before
    assert rao(*arguments, "--seed", "1").exit_code == 2
    assert rao(*arguments, "--seed", "1", "--fresh").exit_code == 0
    assert {result.seed for result in read_results(tmp_path / "run")} == {1}


def test_eval_plays_several_ids_with_options(rao: Rao, tmp_path: Path) -> None:
    done = rao(
        *("eval", ARITHMETIC, "rao/LongContext-v0", "--policy", "random", "-p", "seed=7", "--episodes", "1"),
        *("--actions", "tools", "--max-depth", "1", "--no-recursion", "-o", "max-turns=2", "--out", "run"),
    )
    assert done.exit_code == 0
    results = read_results(tmp_path / "run")
    assert {result.id for result in results} == {ARITHMETIC, "rao/LongContext-v0"}
    assert results[0].options == {"actions": "tools", "max_depth": 1, "max_turns": 2, "recursive": False}
    assert results[0].policy_options == {"seed": 7}
    assert {result.nodes for result in results} == {1}


def test_an_environment_of_the_users_own_module(rao: Rao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "envs_of_a_user.py").write_text(
        "import rao_gym\nrao_gym.register('user/Sums-v0', 'rao_gym.tasks.arithmetic:Arithmetic')\n"
    )
    done = rao("eval", "envs_of_a_user:user/Sums-v0", "--episodes", "1")
    assert done.exit_code == 0
    assert "user/Sums-v0" in done.out


def test_view_writes_a_page(rao: Rao, tmp_path: Path) -> None:
    rao("eval", ARITHMETIC, "--episodes", "2", "--out", "run")
    done = rao("view", "run")
    assert done.exit_code == 0
    assert done.out == "Wrote 2 trees to run/trees.html\n"
    assert "<html" in (tmp_path / "run" / "trees.html").read_text()
    (tmp_path / "one.json").write_text(read_trees(tmp_path / "run")[0].to_json())
    assert rao("view", "one.json", "--out", "pages/a.html").out == "Wrote 1 tree to pages/a.html\n"
    assert (tmp_path / "pages" / "a.html").is_file()


def test_replay_plays_a_line_again(rao: Rao, tmp_path: Path) -> None:
    rao("eval", ARITHMETIC, "--difficulty", "3", "--episodes", "2", "--out", "run")
    done = rao("replay", "run", "--line", "2", "--out", "tree.html")
    assert done.exit_code == 0
    assert "root.0" in done.out
    assert done.out.endswith("The result is the same.\n")
    assert (tmp_path / "tree.html").is_file()
    lines = (tmp_path / "run" / "results.jsonl").read_text().replace('"turns":', '"turns":1')
    (tmp_path / "changed.jsonl").write_text(lines)
    done = rao("replay", "changed.jsonl")
    assert done.exit_code == 1
    assert "The result differs: turns" in done.out
    assert "--line must be in 1..2, got 3" in rao("replay", "run", "--line", "3").err


def test_difficulty_measures_both_policies(rao: Rao, tmp_path: Path) -> None:
    done = rao("difficulty", ARITHMETIC, "--difficulty", "1-3", "--episodes", "2", "--out", "measured")
    assert done.exit_code == 0
    document = json.loads((tmp_path / "measured" / "comparison.json").read_text())
    recursive = document["summaries"]["recursive"]
    assert [row["difficulty"] for row in recursive] == [1, 2, 3]
    assert [row["success"] for row in recursive] == [1.0] * 3
    assert recursive[0]["nodes"] < recursive[2]["nodes"]
    assert {row["nodes"] for row in document["summaries"]["single"]} == {1.0}
    for name in ("success.png", "cost.png"):
        assert (tmp_path / "measured" / name).read_bytes().startswith(b"\x89PNG")
    assert done.out.count("recursive") >= 3


@pytest.mark.slow
def test_the_demo_ends_in_a_table_plots_and_a_page(rao: Rao, tmp_path: Path) -> None:
    done = rao("demo", "--out", "demo")
    assert done.exit_code == 0
    summaries = json.loads((tmp_path / "demo" / "comparison.json").read_text())["summaries"]
    assert all(row["success"] >= 0.99 for row in summaries["recursive"])
    assert all(row["success"] <= 0.35 for row in summaries["single"] if row["difficulty"] >= 4)
    assert (tmp_path / "demo" / "success.png").read_bytes().startswith(b"\x89PNG")
    assert "<html" in (tmp_path / "demo" / "trees.html").read_text()


def test_the_version(rao: Rao, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        rao("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("rao-gym ")


def hear_ctrl_c() -> None:
    """Undo what a job in the background inherits: it is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_with_ctrl_c(rao_process: Rao, tmp_path: Path) -> None:
    (tmp_path / "slow_policy.py").write_text(
        "import time\n\ndef wait(turns):\n    print('asked', flush=True)\n    time.sleep(60)\n    return []\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rao_gym.cli", "eval", ARITHMETIC, "--policy", "slow_policy:wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=hear_ctrl_c,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"asked\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith(b"rao: Interrupted")


def test_a_killed_run_goes_on(rao: Rao, tmp_path: Path) -> None:
    (tmp_path / "dying_policy.py").write_text(
        "import os, signal\nfrom rao_gym.tasks.arithmetic import Arithmetic\n\n"
        "class Dying:\n"
        "    def __init__(self):\n        self.inner, self.left = Arithmetic().reference_policy(), 9\n"
        "    def act(self, turns):\n        self.left -= 1\n"
        "        if self.left < 0 and os.environ.get('DIE'):\n            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return self.inner.act(turns)\n"
    )
    arguments = ("eval", ARITHMETIC, "--policy", "dying_policy:Dying", "--difficulty", "1-3", "--workers", "2")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "DIE": "1"}
    command = [sys.executable, "-m", "rao_gym.cli", *arguments, "--episodes", "4", "--out", "killed"]
    killed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    num_done = len(read_results(tmp_path / "killed"))
    assert 0 < num_done < 12
    for folder in ("killed", "whole"):
        assert rao(*arguments, "--episodes", "4", "--out", folder).exit_code == 0
    for name in ("results.jsonl", "trees.jsonl", "summary.json", "settings.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_envs_shows_one_environment_with_every_option(rao: Rao) -> None:
    done = rao("envs", ARITHMETIC)
    assert done.exit_code == 0
    for shown in ("modulus", "max_turns", "delegation_bonus", "modular", "rao play rao/Arithmetic-v0"):
        assert shown in done.out
    assert "Did you mean 'rao/Arithmetic-v0'?" in rao("envs", "rao/Arithmetik-v0").err


def test_compare_pairs_the_tasks_of_two_runs(rao: Rao) -> None:
    for policy, out in (("reference", "good"), ("random", "bad")):
        rao("eval", ARITHMETIC, "--policy", policy, "--difficulty", "2-3", "--episodes", "3", "--out", out)
    done = rao("compare", "bad", "good")
    assert done.exit_code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.out.splitlines() if line.startswith("│")]
    assert [row[1:6] for row in rows] == [[level, "3", "0.00", "1.00", "+1.00"] for level in ("2", "3")]
    rao("eval", ARITHMETIC, "--seed", "1", "--episodes", "2", "--out", "other")
    assert "have no task in common" in rao("compare", "good", "other").err


def test_view_shows_several_runs_on_one_page(rao: Rao, tmp_path: Path) -> None:
    for bonus in ("0", "0.4"):
        rao("eval", ARITHMETIC, "--episodes", "1", "-o", f"delegation_bonus={bonus}", "--out", f"run{bonus}")
    rao("eval", ARITHMETIC, "--policy", "single", "--episodes", "1", "--out", "single")
    done = rao("view", "run0", "single")
    assert done.out == "Wrote 2 trees to trees.html\n"
    page = (tmp_path / "trees.html").read_text()
    assert "run0: rao/Arithmetic-v0" in page
    assert "single: rao/Arithmetic-v0" in page
    assert "differ in delegation_bonus: [0.0, 0.4]" in rao("view", "run0", "run0.4").err


def test_replay_imports_nothing_that_a_file_names_unless_told_to(rao: Rao, tmp_path: Path) -> None:
    rao("eval", ARITHMETIC, "--episodes", "1", "--out", "run")
    line = json.loads((tmp_path / "run" / "results.jsonl").read_text())
    hostile = (
        {"policy": "subprocess:Popen", "policy_options": {"args": ["touch", str(tmp_path / "created")]}},
        {"options": {"count_tokens": "os:getcwd"}},
        {"policy": "openai:tiny", "policy_options": {"base_url": "http://127.0.0.1:9"}},
        {"policy": "hf:some/folder"},
    )
    for changes in hostile:
        (tmp_path / "results.jsonl").write_text(json.dumps(line | changes) + "\n")
        done = rao("replay", "results.jsonl")
        assert done.exit_code == 2
        assert "--trust" in done.err
    assert not (tmp_path / "created").exists()
    (tmp_path / "results.jsonl").write_text(json.dumps(line | {"policy": "no_such_module:Policy"}) + "\n")
    assert "no_such_module" in rao("replay", "results.jsonl", "--trust").err


def test_an_interrupted_evaluation_says_what_is_kept_and_goes_on(rao_process: Rao, tmp_path: Path) -> None:
    (tmp_path / "interrupting.py").write_text(
        "import os, signal\n"
        "from rao_gym.tasks.arithmetic import Arithmetic\n"
        "class Policy:\n"
        "    asked = 0\n"
        "    def act(self, turns):\n"
        "        Policy.asked += 1\n"
        "        if Policy.asked == 4 and 'STOP' in os.environ:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "        return Arithmetic().reference_policy().act(turns)\n"
    )
    arguments = ("eval", ARITHMETIC, "--policy", "interrupting:Policy", "--episodes", "6", "--workers", "1")
    os.environ["STOP"] = "1"
    try:
        kept, lost = rao_process(*arguments, "--out", "run"), rao_process(*arguments)
    finally:
        del os.environ["STOP"]
    assert (kept.exit_code, lost.exit_code) == (130, 130)
    assert "Interrupted: 3 of 6 episodes are finished and saved in run. Run the same command to resume" in kept.err
    assert "3 of 6 episodes are finished, but not saved" in lost.err
    assert rao_process(*arguments, "--out", "run").exit_code == 0
    assert len(read_results(tmp_path / "run")) == 6
