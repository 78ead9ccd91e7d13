"""The policy ``hf:PATH`` plays as it was trained."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from counting import Counting, registered
from safetensors.torch import load_file, save_file

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import EvaluationResult, TaskKey, evaluate, run_rollouts
from rao_gym.policies.base import EndReason
from rao_gym.registry import Setup, setup_of
from rao_gym.runtime import turn_of
from rao_gym.tree import StopReason
from rao_train.engines import Sampling, TransformersEngine
from rao_train.models.loading import load_folder
from rao_train.models.tiny import TinyModelSettings, build_model, build_tokenizer
from rao_train.models.turn_template import TurnTemplate
from rao_train.policies import HuggingFacePolicy
from rao_train.rollout.worker import PlannedRollout, RolloutWorker

KEYS = [TaskKey(seed=0, split="test", index=index, difficulty=2) for index in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tokenizer: Any = build_tokenizer(["Sum the numbers."] * 3, 300)
    model: Any = build_model(TinyModelSettings(layers=1, width=16, heads=2, hidden=16), tokenizer, seed=0)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def counting(**options: Any) -> Setup:
    return setup_of(Counting, actions="tools", max_turns=3, window=None, **options)


def test_evaluation_plays_as_training_does(folder: Path) -> None:
    setup = counting()
    policy = HuggingFacePolicy(str(folder), temperature=1.0, max_tokens=6, seed=4)
    played = [rollout.tree for rollout in run_rollouts(policy, setup, KEYS)]
    model, tokenizer = load_folder(str(folder), "cpu", "auto")
    template = TurnTemplate(tokenizer)
    engine = TransformersEngine(model, list(template.end_ids))
    plans = [
        PlannedRollout(
            task=setup.family.sample(key.seed, key.split, key.index, key.difficulty),
            index=key.index,
            group=0,
            seed=(4, key.seed, *key.split.encode(), key.index, key.difficulty),
        )
        for key in KEYS
    ]
    batch = RolloutWorker(setup, engine, template, Sampling(max_new_tokens=6)).grow(plans)
    assert played == [rollout.tree for rollout in batch.rollouts]
    assert all(tree.turns == 3 for tree in played if tree)


def test_other_weights_at_the_same_path_are_another_run(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model"
    shutil.copytree(folder, path)

    def play(id: str) -> EvaluationResult:
        options = {"actions": "tools", "max_turns": 1, "window": None}
        return evaluate(
            f"hf:{path}", id, episodes=1, options=options, policy_options={"max_tokens": 4}, out=tmp_path / "out"
        )

    with registered() as id:
        first = play(id)
        (path / "README.md").write_text("A model.")
        assert play(id) == first
        weights = load_file(path / "model.safetensors")
        save_file({name: tensor + 1 for name, tensor in weights.items()}, path / "model.safetensors", {"format": "pt"})
        with pytest.raises(InvalidValueError, match="was made with policy_content="):
            play(id)
        shutil.copy(folder / "model.safetensors", path)
        assert play(id) == first
        (path / "tokenizer_config.json").write_text((path / "tokenizer_config.json").read_text() + "\n")
        with pytest.raises(InvalidValueError, match="was made with policy_content="):
            play(id)


def test_siblings_that_read_the_same_are_drawn_apart(folder: Path) -> None:
    runtime = counting().runtime()
    turn = turn_of(runtime, runtime.reset(0, 2))
    policy = HuggingFacePolicy(str(folder), temperature=1.0, max_tokens=8)
    first, second = policy.act([replace(turn, agent="root.0"), replace(turn, agent="root.1")])
    assert first.text != second.text


def test_a_node_that_the_model_cannot_read_ends_out_of_window(folder: Path) -> None:
    longest = TinyModelSettings().positions
    policy = HuggingFacePolicy(str(folder), max_tokens=longest - 1)
    runtime = counting().runtime()
    assert policy.act([turn_of(runtime, runtime.reset(0, 2))])[0].end is EndReason.OVERFLOW
    (rollout,) = run_rollouts(policy, counting(), KEYS[:1])
    assert rollout.tree is not None
    assert (rollout.tree.root.stop_reason, rollout.tree.root.turns) == (StopReason.OUT_OF_WINDOW, 0)


def test_turns_as_long_as_the_model_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidValueError, match="max_tokens=1000000000 leaves no room"):
        HuggingFacePolicy(str(folder), max_tokens=10**9)
