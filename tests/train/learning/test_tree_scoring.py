"""Shared prefixes are computed once, with the padded learner's loss, statistics and gradient, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES, VOCABULARY
from forks import forked_batch
from tiny import make_batch, tiny_model
from torch import Tensor
from transformers import PreTrainedModel

from rao_gym.errors import UnknownNameError
from rao_train.credit import CreditedTrajectory
from rao_train.learning.learner import Learner, LearnerMetrics
from rao_train.learning.logprobs import split_model
from rao_train.learning.settings import LearnerSettings, LoraSettings, Packing
from rao_train.learning.tree_attention import MAX_QUERIES
from rao_train.learning.tree_scoring import fault_of

EQUAL = ("loss", "entropy", "gradient_norm", "ratio_mean", "ratio_max", "clipped", "kl")
WINDOW: dict[str, Any] = {"sliding_window": 6, "use_sliding_window": True, "max_window_layers": 0}
HALF = WINDOW | {"max_window_layers": 1}
DOCUMENTED = dict(
    re.findall(
        r"^\| ([^|]+?) \| `\w+` \| (?:kept|read anew|refused) \| (shared|padded|-) \|$",
        (Path(__file__).parents[3] / "docs" / "models.md").read_text(),
        re.MULTILINE,
    )
)


def learned(
    model: PreTrainedModel, batch: Sequence[CreditedTrajectory], packing: Packing, temperature: float, **options: Any
) -> tuple[LearnerMetrics, list[Tensor]]:
    """Take a step whose change of the weights is the gradient: with so large an ε, AdamW does not scale it."""
    huge = 1e6
    settings = LearnerSettings(learning_rate=huge, epsilon=huge, max_gradient_norm=None, packing=packing, **options)
    learner = Learner(model, settings, temperature=temperature)
    before = [weights.detach().clone() for weights in learner.model.parameters()]
    metrics = learner.step(batch)
    after = [weights.detach() for weights in learner.model.parameters()]
    return metrics, [(old - new).double() for old, new in zip(before, after, strict=True)]


def assert_equal(
    build: Callable[[], PreTrainedModel],
    batch: Sequence[CreditedTrajectory],
    *,
    tolerance: float = 1e-5,
    temperature: float = 1.0,
    **options: Any,
) -> LearnerMetrics:
    """Compare a packed step with a padded one; return what the packed one did."""
    expected, gradients = learned(build(), batch, Packing.PADDED, temperature, **options)
    found, others = learned(build(), batch, Packing.TREE, temperature, **options)
    for name in EQUAL:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=tolerance, abs=tolerance), name
    largest = max(1.0, *(float(gradient.abs().max()) for gradient in gradients))
    for ours, theirs in zip(others, gradients, strict=True):
        assert float((ours - theirs).abs().max()) <= tolerance * largest
    assert expected.sharing == 1
    return found


@pytest.mark.parametrize("name", [name for name, prefixes in DOCUMENTED.items() if prefixes != "-"])
def test_every_architecture_shares_prefixes_or_says_that_it_does_not(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = assert_equal(ARCHITECTURES[name].build, forked_batch(0, 12, VOCABULARY))
    lines = [record.getMessage() for record in caplog.records if "reads trajectories padded" in record.getMessage()]
    if DOCUMENTED[name] == "shared":
        assert found.sharing > 1.5
        assert not lines
    else:
        assert found.sharing == 1
        assert len(lines) == 1
        assert re.fullmatch(rf"{ARCHITECTURES[name].model_name} .+\.", lines[0])


def test_the_table_in_the_documentation_lists_these_architectures() -> None:
    assert DOCUMENTED.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Qwen3", WINDOW),
        ("Qwen2", HALF),
        ("Qwen3-MoE", WINDOW),
        ("Phi-3", {"sliding_window": 6}),
        ("Gemma 2", {"attn_logit_softcapping": 2.0}),
    ],
)
def test_windows_count_along_the_path(name: str, changes: dict[str, Any]) -> None:
    assert assert_equal(lambda: ARCHITECTURES[name].build(**changes), forked_batch(1, 12, VOCABULARY)).sharing > 1.1


def test_a_soft_cap_that_the_model_applies_is_not_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """The SDPA attention of `transformers` ignores soft caps; the eager one, in contrast, applies them."""
    changes: dict[str, Any] = {"attn_logit_softcapping": 50.0, "attn_implementation": "eager"}
    assert_equal(lambda: ARCHITECTURES["Gemma 2"].build(**changes), forked_batch(1, 12, VOCABULARY))
    assert "Gemma2ForCausalLM reads trajectories padded" in caplog.text


@pytest.mark.parametrize("name", ["Qwen3-Next", "LFM2", "Jamba"])
def test_recurrent_layers_are_found_even_where_nothing_names_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They read their neighbours in the pack without any error, so the check must see it in the numbers."""
    model = ARCHITECTURES[name].build()
    monkeypatch.setattr("rao_train.learning.tree_scoring.KNOWN_LAYERS", set(model.config.layer_types))
    assert "its logits differ by" in fault_of(split_model(model), torch.device("cpu"))


@pytest.mark.parametrize("max_batch_tokens", [1, 40, 90])
def test_packs_do_not_matter(max_batch_tokens: int) -> None:
    def build() -> PreTrainedModel:
        return tiny_model(dtype=torch.float64)

    options = {"max_batch_tokens": max_batch_tokens, "max_logits": 500}
    assert_equal(build, forked_batch(2, 20, 40), tolerance=1e-6, temperature=0.7, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.8},
        {"gradient_checkpointing": True},
        {"lora": LoraSettings(rank=4, alpha=8)},
        {"max_logits": 1},
        {"gradient_checkpointing": True, "lora": LoraSettings(rank=4, alpha=8), "max_batch_tokens": 60},
    ],
)
def test_settings_that_leave_the_gradient_alone(options: dict[str, Any]) -> None:
    assert assert_equal(tiny_model, forked_batch(3, 16, 40), **options).sharing > 1.5


def test_bf16_is_as_close_as_its_rounding() -> None:
    assert assert_equal(tiny_model, forked_batch(3, 16, 40), tolerance=0.1, bf16=True).sharing > 1.5


def test_frozen_weights_may_be_bf16() -> None:
    def build() -> PreTrainedModel:
        return tiny_model(dtype=torch.bfloat16)

    lora = LoraSettings(rank=4, alpha=8)
    assert assert_equal(build, forked_batch(3, 16, 40), tolerance=0.1, bf16=True, lora=lora).sharing > 1.5


@pytest.mark.parametrize("window", [0, 300])
def test_long_rows_are_cut(window: int) -> None:
    changes: dict[str, Any] = WINDOW | {"sliding_window": window} if window else {}
    batch = forked_batch(4, 6, 40, longest=700)
    found = assert_equal(lambda: tiny_model(max_position_embeddings=1024, **changes), batch)
    assert found.num_tokens > 2 * MAX_QUERIES
    assert found.sharing > 1.1


def test_log_probabilities_and_supervised_steps_are_shared_too() -> None:
    batch = [one.trajectory for one in forked_batch(5, 16, 40)]
    packed = Learner(tiny_model(), LearnerSettings())
    padded = Learner(tiny_model(), LearnerSettings(packing=Packing.PADDED))
    for found_P, expected_P in zip(packed.logprobs(batch), padded.logprobs(batch), strict=True):
        np.testing.assert_allclose(found_P, expected_P, atol=1e-5)
    found, expected = packed.supervised_step(batch), padded.supervised_step(batch)
    assert found.sharing > 1.5
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert found.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-5)


def test_trajectories_without_advantage_are_not_read_but_counted() -> None:
    batch = forked_batch(7, 16, 40)
    silent = [replace(one, advantage=0.0) for one in forked_batch(8, 9, 40)]
    found = Learner(tiny_model(), LearnerSettings()).step([*silent, *batch])
    alone = Learner(tiny_model(), LearnerSettings()).step(batch)
    assert (found.num_sequences, found.num_learned_tokens) == (25, alone.num_learned_tokens)
    num_learned = sum(one.trajectory.num_learned for one in [*silent, *batch])
    assert found.loss * num_learned == pytest.approx(alone.loss * alone.num_learned_tokens, rel=1e-5)
    assert found.ratio_mean == pytest.approx(alone.ratio_mean)


def test_a_batch_that_shares_too_little_is_padded() -> None:
    found = assert_equal(tiny_model, make_batch([30, 12, 18, 25, 9]))
    assert found.sharing == 1
    assert found.padding > 0


def test_the_model_attends_as_before_when_a_step_is_over() -> None:
    model = tiny_model()
    learner = Learner(model, LearnerSettings())
    batch = forked_batch(6, 16, 40)
    learner.step(batch)
    assert model.config._attn_implementation == "sdpa"
    unknown = replace(batch[0].trajectory, tokens_T=np.full_like(batch[0].trajectory.tokens_T, 10_000))
    with pytest.raises(IndexError):
        learner.step([replace(one, trajectory=unknown) for one in batch])
    assert model.config._attn_implementation == "sdpa"


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="tree"):
        LearnerSettings(packing="trie")  # type: ignore[arg-type]
