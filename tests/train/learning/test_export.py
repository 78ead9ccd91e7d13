"""The folder that a run leaves behind: the trained model, whole, and loadable anywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES
from safetensors import SafetensorError
from tiny import make_batch, tiny_model, tiny_tokenizer
from transformers import GenerationConfig

from rao_gym.errors import InvalidValueError
from rao_train.engines import TransformersEngine
from rao_train.learning.export import ExportError
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings, LoraSettings
from rao_train.models.loading import load_folder

BATCH = make_batch([9, 14, 6], seed=3)
SEQUENCES = [credited.trajectory for credited in BATCH]


def trained(model: Any, **changes: Any) -> Learner:
    """Return a learner that has taken a few large steps."""
    learner = Learner(model, LearnerSettings(learning_rate=0.02, **changes))
    for _ in range(3):
        learner.supervised_step(SEQUENCES)
    return learner


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("targets", [("all-linear",), ("lm_head",), ("embed_tokens",), ("lm_head", "embed_tokens")])
def test_the_exported_model_is_the_trained_one(tied: bool, targets: tuple[str, ...], tmp_path: Path) -> None:
    lora = LoraSettings(rank=4, alpha=8, target_modules=targets)
    learner = trained(tiny_model(tie_word_embeddings=tied), lora=lora)
    learner.export(tmp_path / "model", tiny_tokenizer())
    exported = Learner(load_folder(str(tmp_path / "model"), "cpu")[0], LearnerSettings())
    before = Learner(tiny_model(tie_word_embeddings=tied), LearnerSettings())
    for ours, theirs, first in zip(*(each.logprobs(SEQUENCES) for each in (exported, learner, before)), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
        assert np.abs(ours - first).max() > 0.01
    assert learner.logprobs(SEQUENCES)[0] == pytest.approx(exported.logprobs(SEQUENCES)[0], abs=1e-4)


def test_a_model_that_adapters_break_is_refused_in_one_line() -> None:
    model = ARCHITECTURES["Phi-MoE"].build()  # looks into layers that adapters are put around
    with pytest.raises(InvalidValueError, match=r"\APhimoeForCausalLM cannot read three tokens as it is set up .*\Z"):
        Learner(model, LearnerSettings(lora=LoraSettings(rank=2)))


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, LoraSettings(rank=2, alpha=4)], ids=["whole", "lora"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_exported_as_trained_or_refused_in_one_line(
    name: str, lora: LoraSettings | None, tmp_path: Path
) -> None:
    try:
        learner = trained(ARCHITECTURES[name].build(), lora=lora)
        TransformersEngine(learner.model, [1])
    except InvalidValueError as error:
        message = str(error)
    else:
        learner.export(tmp_path / "model", tiny_tokenizer())
        exported = Learner(load_folder(str(tmp_path / "model"), "cpu")[0], LearnerSettings())
        for ours, theirs in zip(exported.logprobs(SEQUENCES), learner.logprobs(SEQUENCES), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-4)
        return
    assert re.fullmatch(rf".*{ARCHITECTURES[name].model_name}.*", message)


def test_frozen_weights_stay_in_16_bits_and_adapters_in_32(tmp_path: Path) -> None:
    learner = trained(tiny_model(dtype=torch.bfloat16), lora=LoraSettings(rank=4, alpha=8))
    precisions = {(weights.requires_grad, weights.dtype) for weights in learner.model.parameters()}
    assert precisions == {(True, torch.float32), (False, torch.bfloat16)}
    learner.export(tmp_path / "model", tiny_tokenizer())
    exported = Learner(load_folder(str(tmp_path / "model"), "cpu", "auto")[0], LearnerSettings())
    for ours, theirs in zip(exported.logprobs(SEQUENCES), learner.logprobs(SEQUENCES), strict=True):
        assert ours == pytest.approx(theirs, abs=0.3)  # what was computed in 16 bits is now in 32


@pytest.mark.parametrize(
    ("changes", "sampling"),
    [
        ({"temperature": 0.6, "top_p": 0.9}, True),
        ({"top_k": 20}, True),
        ({"early_stopping": True}, False),
    ],
)
def test_generation_settings_that_cannot_be_saved_are_mended(
    changes: dict[str, Any], sampling: bool, tmp_path: Path
) -> None:
    model: Any = tiny_model()
    model.generation_config = GenerationConfig(eos_token_id=[3, 5], **changes)
    with pytest.raises(ValueError, match="Fix these issues"):
        model.save_pretrained(tmp_path / "unsaved")
    learner = Learner(model, LearnerSettings())
    learner.save_model(tmp_path / "checkpoint")
    learner.export(tmp_path / "model", tiny_tokenizer())
    saved = GenerationConfig.from_pretrained(tmp_path / "model")
    assert saved.eos_token_id == [3, 5]
    assert bool(saved.do_sample) == sampling
    assert not sampling or {name: getattr(saved, name) for name in changes} == changes


def test_an_export_replaces_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "stale.txt").write_text("old")
    Learner(tiny_model(), LearnerSettings()).export(folder, tiny_tokenizer())
    assert (folder / "model.safetensors").exists()
    assert not (folder / "stale.txt").exists()
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (SafetensorError("I/O error: No space left on device"), "I/O error: No space left on device"),
        (RuntimeError("unexpected pos 64 vs 0"), "unexpected pos 64 vs 0"),
    ],
)
def test_an_export_that_fails_is_one_line_and_keeps_the_model_before(
    error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, folder = Learner(tiny_model(), LearnerSettings()), tmp_path / "model"
    learner.export(folder, tiny_tokenizer())
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def fail(hidden: Path) -> None:
        (hidden / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(learner.model, "save_pretrained", fail)
    with pytest.raises(ExportError) as caught:
        learner.export(folder, tiny_tokenizer())
    assert str(caught.value) == f"Cannot write the model to {folder}: {reason}."
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]
