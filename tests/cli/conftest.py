"""Runs the command in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from rao_gym.cli import main

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


Rao = Callable[..., Outcome]


@pytest.fixture
def rao(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rao:
    """Run the command in this process, in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, typed: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", StringIO(typed))
        capsys.readouterr()
        exit_code = main(arguments)
        captured = capsys.readouterr()
        return Outcome(exit_code, captured.out, captured.err)

    return run


@pytest.fixture
def rao_process(tmp_path: Path) -> Rao:
    """Run the command in a process of its own, in an empty working directory."""

    def run(*arguments: str, typed: bytes = b"") -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "rao_gym.cli", *arguments],
            input=typed,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
