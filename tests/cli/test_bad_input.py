"""What a person gets wrong: exit code 2 and one clear line on stderr, with the nearest valid name."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARITHMETIC = "rao/Arithmetic-v0"
EVAL = ("eval", ARITHMETIC, "--episodes", "1")
Rao = Callable[..., Any]

CASES = {
    "command": (("evl",), "Unknown command 'evl'. Did you mean 'eval'?"),
    "flag": ((*EVAL, "--epsodes", "3"), "Unknown option of rao eval '--epsodes'. Did you mean '--episodes'?"),
    "flag with a value": ((*EVAL, "--wndow=3"), "'--wndow'. Did you mean '--window'?"),
    "surplus": (("envs", "rao/Code-v0", "extra"), "Unexpected argument 'extra'"),
    "nothing to play": (("eval",), "The following arguments are required: ID"),
    "no value": ((*EVAL, "--seed"), "Argument --seed: expected one argument"),
    "no number": ((*EVAL, "--seed", "one"), "invalid int value: 'one'"),
    "id": (("eval", "rao/Arithmetics-v0"), "Unknown environment id 'rao/Arithmetics-v0'. Did you mean"),
    "id of another kind": (("eval", "CartPole-v1"), "Unknown environment id 'CartPole-v1'"),
    "module of an id": (("eval", "no_such_module:a/B-v0"), "Cannot import 'no_such_module'"),
    "id to play": (("play", "rao/Arithmetics-v0"), "Did you mean 'rao/Arithmetic-v0'?"),
    "id to measure": (("difficulty", "rao/Arithmetics-v0"), "Did you mean 'rao/Arithmetic-v0'?"),
    "kind": ((*EVAL, "--kind", "tre"), "Unknown kind 'tre'. Did you mean 'tree'?"),
    "action form": ((*EVAL, "--actions", "tool"), "Unknown action form 'tool'. Did you mean 'tools'?"),
    "action form not offered": ((*EVAL, "--actions", "python"), "a calculator would do the work"),
    "split": ((*EVAL, "--split", "tests"), "Unknown split 'tests'. Did you mean 'test'?"),
    "option": ((*EVAL, "-o", "windo=2048"), "'windo'. Did you mean 'window'?"),
    "option without a value": ((*EVAL, "-o", "window"), "--option must have the form NAME=VALUE, got 'window'"),
    "option of the wrong type": ((*EVAL, "-o", "window=wide"), "window must be an integer or None, got 'wide'"),
    "option that has a flag": ((*EVAL, "-o", "difficulty=3"), "difficulty is not an option"),
    "option to play that has a flag": (("play", ARITHMETIC, "-o", "split=test"), "use --split"),
    "window": ((*EVAL, "--window", "0"), "window must be at least 1, got 0"),
    "window too small": ((*EVAL, "--window", "5"), "window=5 cannot hold the opening messages"),
    "depth": ((*EVAL, "--max-depth", "-1"), "max_depth must be at least 0, got -1"),
    "difficulty of 0": ((*EVAL, "--difficulty", "0"), "an ascending range from at least 1, got '0'"),
    "difficulty backwards": ((*EVAL, "--difficulty", "6-1"), "an ascending range from at least 1, got '6-1'"),
    "difficulty in words": ((*EVAL, "--difficulty", "hard"), "a form like 3, 1-6 or 1,2,5, got 'hard'"),
    "difficulty with a gap": ((*EVAL, "--difficulty", "1,,2"), "a form like 3, 1-6 or 1,2,5, got '1,,2'"),
    "difficulty without end": ((*EVAL, "--difficulty", "1-999999"), "an ascending range"),
    "difficulty to play": (("play", ARITHMETIC, "--difficulty", "0"), "difficulty must be"),
    "episodes": (("eval", ARITHMETIC, "--episodes", "0"), "episodes must be at least 1, got 0"),
    "workers": ((*EVAL, "--workers", "0"), "workers must be at least 1, got 0"),
    "seed": ((*EVAL, "--seed", "-1"), "seed must be at least 0, got -1"),
    "trees": ((*EVAL, "--save-trees", "some"), "--save-trees must be a number or all, got 'some'"),
    "policy": ((*EVAL, "--policy", "referense"), "Unknown policy 'referense'. Did you mean 'reference'?"),
    "policy before the colon": ((*EVAL, "--policy", "opnai:x"), "Did you mean 'openai:MODEL'?"),
    "policy of a user": ((*EVAL, "--policy", "no_such_module:Class"), "Cannot import 'no_such_module:Class'"),
    "policy's option": ((*EVAL, "--base-url", "http://x"), "Unknown option of policy reference 'base_url'"),
    "policy's option by name": (
        (*EVAL, "--policy", "random", "-p", "sed=1"),
        "Unknown option of policy random 'sed'. Did you mean 'seed'?",
    ),
    "address": (
        (*EVAL, "--policy", "openai:x", "--base-url", "localhost:1"),
        "base_url must be a URL such as http://localhost:8000/v1, got 'localhost:1'",
    ),
    "temperature": ((*EVAL, "--policy", "openai:x", "--temperature", "-1"), "temperature must be a number"),
    "run": (("view", "no/such/run"), "There are no trees in 'no/such/run'"),
    "results": (("replay", "no/such/run"), "There are no results in 'no/such/run'"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES)
def test_one_clear_line(rao: Rao, arguments: tuple[str, ...], message: str) -> None:
    done = rao(*arguments)
    assert done.exit_code == 2
    assert done.err.startswith("rao: ")
    assert done.err.count("\n") == 1
    assert message in done.err
    assert done.out == ""


def test_an_unreachable_server_is_named(rao: Rao) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    done = rao(*EVAL, "--policy", "openai:m", "--base-url", url, "-p", "backoff_s=0", "-p", "max_retries=1")
    assert done.exit_code == 2
    assert f"rao: {url}/chat/completions gave no answer after 2 tries" in done.err
    assert done.err.count("\n") == 1


def test_files_that_cannot_be_read_are_named(rao: Rao, tmp_path: Path) -> None:
    (tmp_path / "trees.jsonl").write_text('{"task": 1}\n')
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    (tmp_path / "file").write_text("")
    (tmp_path / "questions.jsonl").write_text('{"context": "a", "question": "b", "answer": "c"}\n{"context":\n')
    long_context = ("eval", "rao/LongContext-v0", "--episodes", "1")
    for arguments, message in (
        (("view", "trees.jsonl"), "trees.jsonl, line 1: not a tree"),
        (("view", "binary.json"), "binary.json, line 1: not UTF-8"),
        (("replay", "trees.jsonl"), "trees.jsonl, line 1: not a result"),
        ((*EVAL, "--out", "file"), "'file' is a file; results go into a folder"),
        (("replay", "file"), "file holds no results"),
        ((*long_context, "-o", "text=missing.txt"), "missing.txt"),
        ((*long_context, "-o", "questions=missing.jsonl"), "missing.jsonl"),
        ((*long_context, "-o", "questions=questions.jsonl"), "questions.jsonl, line 2"),
        ((*EVAL, "--out", "file/below"), "Not a directory: file/below"),
    ):
        done = rao(*arguments)
        assert done.exit_code == 2
        assert message in done.err
        assert done.err.count("\n") == 1


def test_a_policy_that_breaks_is_one_line(rao: Rao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "policies_that_break.py").write_text(
        "def raises(turns):\n    return 1 / 0\n\ndef nothing(turns):\n    return None\n"
        "def short(turns):\n    return []\n\ndef lines(turns):\n    raise ValueError('a\\nb')\n"
    )
    for name, message in (
        ("raises", "The policy raised ZeroDivisionError: division by zero (policies_that_break.py, line 2)"),
        ("nothing", "The policy returned NoneType, not a sequence of 1 actions"),
        ("short", "The policy returned 0 items, not a sequence of 1 actions"),
        ("lines", "The policy raised ValueError: a b"),
    ):
        done = rao(*EVAL, "--policy", f"policies_that_break:{name}")
        assert (done.exit_code, done.err.count("\n")) == (2, 1)
        assert message in done.err


def test_no_command_shows_the_help(rao: Rao) -> None:
    done = rao()
    assert done.exit_code == 2
    assert "usage: rao" in done.out


@pytest.mark.parametrize("case", ["id", "policy", "run"])
def test_a_process_of_its_own_says_the_same(rao_process: Rao, case: str) -> None:
    arguments, message = CASES[case]
    done = rao_process(*arguments)
    assert done.exit_code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
