"""Ctrl-C: what is held back, what is kept, and how a run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rao_train.run.interrupts import interrupts_held

SMALL = (
    "arithmetic_tiny",
    "model.tiny={layers = 1, width = 32, heads = 2, hidden = 32}",
    "environment.options.modulus=5",
    "warm_start.stages=[{name = 'one', steps = 30, learning_rate = 1e-2, demonstrations = 40}]",
    "training.steps=40",
    "training.tasks_per_step=4",
    "training.group_size=4",
    "training.checkpoint_every=1000",
    "credit.group_filter=none",
    "evaluation={difficulties = [1], tasks = 2}",
)

RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job is born deaf to Ctrl-C
from rao_gym.cli import main
sys.exit(main(sys.argv[1:]))
"""


def rao(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "train", *arguments, "--threads", "1", "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def held(num_signals: int) -> list[int]:
    """Interrupt a block of two steps before each of its steps, and return those that it took."""
    steps: list[int] = []
    try:
        with interrupts_held():
            for step in range(2):
                if step < num_signals:
                    os.kill(os.getpid(), signal.SIGINT)
                steps.append(step)
    except KeyboardInterrupt:
        return [*steps, -1]
    return steps


@pytest.mark.parametrize(
    ("num_signals", "steps"),
    [
        pytest.param(0, [0, 1], id="none"),
        pytest.param(1, [0, 1, -1], id="one is held back"),
        pytest.param(2, [0, -1], id="a second one comes through"),
    ],
)
def test_a_change_is_made_as_a_whole(num_signals: int, steps: list[int]) -> None:
    assert held(num_signals) == steps


def test_without_a_ctrl_c_nothing_is_raised_and_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_held():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_run_goes_on_by_its_folder_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, interrupted = tmp_path / "whole", tmp_path / "interrupted"
    assert rao(whole, *SMALL).wait() == 0
    process, log = rao(interrupted, *SMALL), interrupted / "metrics.jsonl"
    while not (log.exists() and log.read_bytes().count(b"\n") >= 37):
        assert process.poll() is None, "the run ended before it could be interrupted"
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("rao: Interrupted after step ")
    assert err.endswith(f"Go on with: rao train --out {interrupted}\n")
    assert err.count("\n") == 1
    assert rao(interrupted).wait() == 0
    ours, theirs = (load_file(folder / "model" / "model.safetensors") for folder in (whole, interrupted))
    assert all(ours[name].equal(theirs[name]) for name in ours)
    assert log.read_bytes().count(b"\n") == (whole / "metrics.jsonl").read_bytes().count(b"\n")
