"""Checkpoints: exact round trips, and the last good one survives whatever happens."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_batch, tiny_model, tiny_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from rao_gym.errors import InvalidValueError
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings, LoraSettings
from rao_train.run.checkpoint import CheckpointError, is_whole, load_checkpoint, save_checkpoint

BATCHES = [make_batch([5, 9, 14], seed=seed) for seed in range(4)]


def new_learner(seed: int = 0, *, lora: bool = False) -> Learner:
    settings = LearnerSettings(learning_rate=1e-2, warmup_steps=3, lora=LoraSettings(rank=2) if lora else None)
    return Learner(tiny_model(seed), settings)


def same_weights(first: Learner, second: Learner) -> bool:
    pairs = zip(first.model.state_dict().items(), second.model.state_dict().items(), strict=True)
    return all(name == other and torch.equal(ours, theirs) for (name, ours), (other, theirs) in pairs)


def save(folder: Path, learner: Learner, step: int = 1, keep: int = 2) -> Path:
    return save_checkpoint(folder, learner, tiny_tokenizer(), step=step, state={"drawn": step}, keep=keep)


@pytest.mark.parametrize("lora", [False, True])
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(tmp_path: Path, lora: bool) -> None:
    straight = new_learner(lora=lora)
    for batch in BATCHES[:2]:
        straight.step(batch)
    files = {"rollouts.bin": b"\x00\xff"}
    path = save_checkpoint(tmp_path, straight, tiny_tokenizer(), step=2, state={"drawn": [1, 2.5]}, files=files)
    drawn = [random.random(), float(np.random.rand()), torch.rand(1).item()]
    for batch in BATCHES[2:]:
        straight.step(batch)

    resumed = new_learner(seed=0 if lora else 7, lora=lora)  # adapters go around the same base model
    loaded = load_checkpoint(tmp_path, resumed)
    assert loaded is not None
    assert (loaded.path, loaded.step, loaded.state, loaded.files) == (path, 2, {"drawn": [1, 2.5]}, files)
    assert [random.random(), float(np.random.rand()), torch.rand(1).item()] == drawn
    assert resumed.num_steps == 2
    for batch in BATCHES[2:]:
        resumed.step(batch)
    assert same_weights(resumed, straight)
    assert resumed.learning_rate == straight.learning_rate


def test_the_model_is_a_plain_folder(tmp_path: Path) -> None:
    learner = new_learner()
    path = save(tmp_path, learner)
    model = AutoModelForCausalLM.from_pretrained(path / "model")
    assert torch.equal(model.lm_head.weight, learner.model.get_parameter("lm_head.weight"))
    assert AutoTokenizer.from_pretrained(path / "model").decode([7]) == "7"


def test_the_last_n_are_kept(tmp_path: Path) -> None:
    learner = new_learner()
    (tmp_path / ".saving-99").mkdir()  # a killed run left this
    for step in (1, 2, 3):
        save(tmp_path, learner, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-00000002", "step-00000003"]
    assert (tmp_path / "latest").read_text() == "step-00000003"
    again = save(tmp_path, learner, 3)
    assert again.name == "step-00000003.1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-00000003", "step-00000003.1"]


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, new_learner()) is None
    assert load_checkpoint(tmp_path / "missing", new_learner()) is None
    with pytest.raises(InvalidValueError, match="keep must be at least 1, got 0"):
        save(tmp_path, new_learner(), keep=0)


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "manifest", "pointer"])
def test_a_damaged_checkpoint_is_never_loaded(tmp_path: Path, damage: str) -> None:
    learner = new_learner()
    good = save(tmp_path, learner, 1)
    torn = save(tmp_path, learner, 2)
    weights = torn / "model" / "model.safetensors"
    contents = weights.read_bytes()
    if damage == "truncate":
        weights.write_bytes(contents[:-100])
    elif damage == "flip":
        weights.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    elif damage == "delete":
        (torn / "random.pt").unlink()
    elif damage == "manifest":
        (torn / "manifest.json").write_text('{"step": 2, "fil')
    else:
        (tmp_path / "latest").write_text("step-00000009")
    loaded = load_checkpoint(tmp_path, learner)
    assert loaded is not None
    assert loaded.path == (torn if damage == "pointer" else good)


def test_without_a_whole_checkpoint_loading_says_so(tmp_path: Path) -> None:
    path = save(tmp_path, new_learner())
    (path / "learner.pt").write_bytes(b"")
    assert not is_whole(path)
    with pytest.raises(CheckpointError, match=r"^No checkpoint in .* is whole: step-00000001 do not match"):
        load_checkpoint(tmp_path, new_learner())


def test_a_checkpoint_of_another_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path = save(tmp_path, new_learner())
    wider = Learner(tiny_model(hidden_size=16), LearnerSettings())
    with pytest.raises(CheckpointError, match=f"^Cannot load the checkpoint {path}: [^\n]*$"):
        load_checkpoint(tmp_path, wider)


CHILD = """
import os, resource, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tiny import tiny_model, tiny_tokenizer
from rao_train.run import checkpoint
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings

folder, what = Path(sys.argv[1]), sys.argv[2]
learner = Learner(tiny_model(), LearnerSettings())
checkpoint.save_checkpoint(folder, learner, tiny_tokenizer(), step=1, state={})
if what == "kill":
    def trace(frame, event, argument):  # kill -9 just before the n-th call into the file system
        if event == "c_call" and argument.__module__ in ("posix", "_io"):
            trace.left -= 1
            if trace.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    trace.left = int(sys.argv[3])
    sys.setprofile(trace)
else:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
try:
    path = checkpoint.save_checkpoint(folder, learner, tiny_tokenizer(), step=2, state={}, keep=1)
except checkpoint.CheckpointError as error:
    print(error)
else:
    sys.setprofile(None)
    print("saved", path.name)
"""


def run_child(folder: Path, what: str, number: int) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), what, str(number)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    "num_calls", [200, *(pytest.param(calls, marks=pytest.mark.slow) for calls in (5, 30, 100, 300, 500, 700))]
)
def test_kill_in_the_middle_of_saving_leaves_a_good_checkpoint(tmp_path: Path, num_calls: int) -> None:
    done = run_child(tmp_path, "kill", num_calls)
    assert done.returncode == -signal.SIGKILL or "saved step-00000002" in done.stdout, done.stderr
    learner = new_learner()
    loaded = load_checkpoint(tmp_path, learner)
    assert loaded is not None
    assert loaded.step in (1, 2)
    assert same_weights(learner, Learner(tiny_model(), LearnerSettings()))
    save(tmp_path, learner, 3)  # and the next one is saved over what was left behind
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "limit", [20_000, *(pytest.param(limit, marks=pytest.mark.slow) for limit in (0, 100, 3_000, 70_000))]
)
def test_a_full_disk_ends_in_one_line_with_the_last_checkpoint_intact(tmp_path: Path, limit: int) -> None:
    done = run_child(tmp_path, "full", limit)
    assert done.returncode == 0, done.stderr
    first = tmp_path / "step-00000001"
    assert done.stdout.startswith(f"Cannot save a checkpoint in {tmp_path}: ")
    assert done.stdout.endswith(f"; the last good one is {first}.\n")
    assert done.stdout.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-00000001"]
    loaded = load_checkpoint(tmp_path, new_learner())
    assert loaded is not None
    assert loaded.step == 1


def test_a_folder_that_cannot_be_written_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match=r"Cannot save a checkpoint in .*/file: File exists; there is none yet\."):
        save(tmp_path / "file", new_learner())
