"""The learner: right gradients whatever the batching, and skipped steps that change nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import Plan, make_batch, make_rollout, make_trajectory, tiny_model, tiny_tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from rao_gym.errors import InvalidValueError
from rao_train.credit import CreditedTrajectory, CreditSettings, credit, weighted_by_depth
from rao_train.learning.learner import Learner, SkipReason
from rao_train.learning.settings import LearnerSettings, LoraSettings
from rao_train.loss import LossSettings

LENGTHS = [5, 30, 12, 7, 30, 18, 2, 9]


def weights_of(learner: Learner) -> list[Tensor]:
    return [weights.detach().clone() for weights in learner.model.parameters()]


def unchanged(before: Sequence[Tensor], learner: Learner) -> bool:
    return all(torch.equal(ours, theirs) for ours, theirs in zip(before, weights_of(learner), strict=True))


def learner_of(model: PreTrainedModel | None = None, **options: Any) -> Learner:
    return Learner(model or tiny_model(), LearnerSettings(**({"learning_rate": 1e-2} | options)))


def equation_5(model: Any, batch: Sequence[CreditedTrajectory]) -> Tensor:
    """Return the loss, token by token, from whole logits of one sequence at a time."""
    total = torch.zeros((), dtype=model.dtype)
    num_tokens = 0
    for credited in batch:
        trajectory = credited.trajectory
        log_probs_TV = torch.log_softmax(model(input_ids=torch.from_numpy(trajectory.tokens_T)[None]).logits[0], dim=-1)
        for place in np.flatnonzero(trajectory.mask_T):
            log_pi = log_probs_TV[place - 1, trajectory.tokens_T[place]]
            ratio = min(math.exp(log_pi.item()) / math.exp(trajectory.logprobs_T[place]), 5.0)
            total = total - ratio * credited.weight * credited.advantage * log_pi
            num_tokens += 1
    return total / num_tokens


def test_a_step_follows_equation_5() -> None:
    """With plain numbers in AdamW's first step, each weight moves by the learning rate along its gradient's sign."""
    batch = make_batch(LENGTHS)
    model = tiny_model(dtype=torch.float64)
    loss = equation_5(model, batch)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm().item()
    learner = learner_of(model, max_batch_tokens=40, max_gradient_norm=None)
    before = weights_of(learner)
    metrics = learner.step(batch)
    assert metrics.loss == pytest.approx(loss.item(), rel=1e-9)
    assert metrics.gradient_norm == pytest.approx(norm, rel=1e-9)
    for old, new, gradient in zip(before, weights_of(learner), gradients, strict=True):
        torch.testing.assert_close(new, old - 1e-2 * gradient / (gradient.abs() + 1e-8), rtol=1e-6, atol=1e-8)
    assert (metrics.skipped, metrics.num_sequences, learner.num_steps) == (None, 8, 1)
    assert metrics.num_learned_tokens == sum(item.trajectory.num_learned for item in batch)


@pytest.mark.parametrize("max_batch_tokens", [1, 37, 64])
def test_the_micro_batches_do_not_matter(max_batch_tokens: int) -> None:
    batch = make_batch(LENGTHS)
    whole = learner_of(tiny_model(dtype=torch.float64), max_batch_tokens=10_000)
    parts = learner_of(tiny_model(dtype=torch.float64), max_batch_tokens=max_batch_tokens)
    expected, found = whole.step(batch), parts.step(batch)
    for name in ("loss", "gradient_norm", "entropy", "ratio_mean", "ratio_max", "clipped", "kl"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)
    assert found.padding <= expected.padding
    for ours, theirs in zip(weights_of(parts), weights_of(whole), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_the_entropy_of_a_depth_is_that_of_its_nodes_alone() -> None:
    batch = [
        replace(item, trajectory=replace(item.trajectory, depth=place % 3))
        for place, item in enumerate(make_batch(LENGTHS))
    ]
    found = learner_of(tiny_model(dtype=torch.float64), max_batch_tokens=37).step(batch).entropy_by_depth
    assert list(found) == [0, 1, 2]
    for depth, entropy in found.items():
        alone = [item for item in batch if item.trajectory.depth == depth]
        assert learner_of(tiny_model(dtype=torch.float64)).step(alone).entropy == pytest.approx(entropy, rel=1e-9)


def test_a_step_that_reads_nothing_has_no_entropy() -> None:
    assert learner_of().step([]).entropy_by_depth == {}


def test_gradient_checkpointing_changes_memory_alone() -> None:
    batch = make_batch(LENGTHS)
    plain, checkpointed = learner_of(), learner_of(gradient_checkpointing=True)
    calls: list[int] = []
    checkpointed.model.get_submodule("model.layers.0.mlp").register_forward_pre_hook(lambda *_: calls.append(1))
    assert checkpointed.step(batch).loss == plain.step(batch).loss
    assert len(calls) == 2  # once forward, once again in the backward pass
    for ours, theirs in zip(weights_of(checkpointed), weights_of(plain), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_bf16_is_close_and_keeps_float32_weights() -> None:
    batch = make_batch(LENGTHS)
    plain, coarse = learner_of(), learner_of(bf16=True)
    expected, found = plain.step(batch), coarse.step(batch)
    assert found.loss != expected.loss
    assert found.loss == pytest.approx(expected.loss, rel=0.1, abs=0.1)
    assert {weights.dtype for weights in weights_of(coarse)} == {torch.float32}


def test_normalization_by_trajectories() -> None:
    batch = make_batch(LENGTHS)
    tokens = learner_of().step(batch)
    trajectories = learner_of(loss=LossSettings(normalization="trajectories")).step(batch)  # type: ignore[arg-type]
    assert trajectories.loss * len(batch) == pytest.approx(tokens.loss * tokens.num_learned_tokens, rel=1e-5)


def test_the_sampling_temperature_makes_ratios_of_one() -> None:
    model = tiny_model()
    learner = Learner(model, LearnerSettings(), temperature=0.6)
    trajectory = make_trajectory(20)
    with torch.no_grad():
        logits_TV = model(input_ids=torch.from_numpy(trajectory.tokens_T)[None]).logits[0] / 0.6
    shifted_T = torch.log_softmax(logits_TV, dim=-1)[range(19), trajectory.tokens_T[1:]].numpy()
    logprobs_T = np.where(trajectory.mask_T, np.concatenate([[0], shifted_T]), 0).astype(np.float32)
    sampled = CreditedTrajectory(trajectory=replace(trajectory, logprobs_T=logprobs_T), reward=1, advantage=1)
    metrics = learner.step([sampled])
    assert metrics.ratio_mean == pytest.approx(1, abs=1e-4)
    assert metrics.kl == pytest.approx(0, abs=1e-6)
    assert metrics.clipped == 0


def test_the_learning_rate_warms_up() -> None:
    learner = learner_of(warmup_steps=4)
    batch = make_batch([5, 6])
    rates = [learner.step(batch).learning_rate for _ in range(6)]
    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01])


def test_only_matrices_decay() -> None:
    learner = learner_of(weight_decay=0.5)
    before = weights_of(learner)
    for weights in learner.model.parameters():
        weights.grad = torch.zeros_like(weights)
    learner._optimizer.step()
    for old, new in zip(before, weights_of(learner), strict=True):
        torch.testing.assert_close(new, old * (1 - 1e-2 * 0.5) if old.ndim >= 2 else old)


def test_an_empty_batch_is_skipped() -> None:
    learner = learner_of()
    before = weights_of(learner)
    metrics = learner.step([])
    assert metrics.skipped is SkipReason.EMPTY_BATCH
    assert learner.supervised_step([]).skipped is SkipReason.EMPTY_BATCH
    assert unchanged(before, learner)
    assert (learner.num_steps, learner.num_skipped) == (0, 0)


def test_groups_without_variance_leave_the_weights_alone_even_with_momentum() -> None:
    learner = learner_of()
    learner.step(make_batch([5, 6]))  # from here on AdamW's moments would move the weights
    plans = [Plan("right", (Plan("right"),)), Plan("right", (Plan("right"),))]
    rollouts = [make_rollout(plan, index=index) for index, plan in enumerate(plans)]
    found = credit(rollouts, CreditSettings(group_filter="none"))  # type: ignore[arg-type]
    equal = [item for item in found.trajectories if item.trajectory.depth == 0]
    before = weights_of(learner)
    assert learner.step(weighted_by_depth(equal)).skipped is SkipReason.NO_ADVANTAGE
    assert learner.step(credit(rollouts, CreditSettings(delegation_bonus=0)).trajectories).skipped is (
        SkipReason.EMPTY_BATCH
    )
    assert unchanged(before, learner)
    assert learner.num_steps == 1


def test_a_loss_that_is_not_finite_is_skipped_and_counted() -> None:
    learner = learner_of()
    good = make_batch([5, 6])
    learner.step(good)
    before = weights_of(learner)
    moments = [state["exp_avg"].clone() for state in learner.state_dict()["optimizer"]["state"].values()]
    for advantage in (math.nan, math.inf):
        metrics = learner.step([*good, replace(good[0], advantage=advantage)])
        assert metrics.skipped is SkipReason.NOT_FINITE
    assert unchanged(before, learner)
    after = [state["exp_avg"] for state in learner.state_dict()["optimizer"]["state"].values()]
    assert all(torch.equal(old, new) for old, new in zip(moments, after, strict=True))
    assert (learner.num_steps, learner.num_skipped) == (1, 2)
    assert learner.step(good).skipped is None


def test_supervised_steps_learn_a_sequence_by_heart() -> None:
    learner = learner_of()
    sequences = [make_trajectory(12, seed=1), make_trajectory(9, seed=2)]
    first = learner.supervised_step(sequences)
    model: Any = tiny_model()
    losses = []
    for sequence in sequences:
        logits = model(input_ids=torch.from_numpy(sequence.tokens_T)[None]).logits[0, :-1]
        targets = torch.from_numpy(np.where(sequence.mask_T, sequence.tokens_T, -100)[1:]).long()
        losses.append(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
    assert first.loss == pytest.approx(torch.stack(losses).sum().item() / first.num_learned_tokens, rel=1e-4)
    for _ in range(25):
        last = learner.supervised_step(sequences)
    assert last.loss < 0.1 < first.loss


def test_adapters_alone_are_trained_and_merge_into_a_plain_folder(tmp_path: Path) -> None:
    learner = learner_of(lora=LoraSettings(rank=4, alpha=8))
    names = [name for name, weights in learner.model.named_parameters() if weights.requires_grad]
    assert names
    assert all("lora_" in name for name in names)
    assert "lm_head" not in " ".join(names)
    batch = make_batch(LENGTHS)
    for _ in range(3):
        assert learner.step(batch).skipped is None
    learner.export(tmp_path, tiny_tokenizer())
    tokens_BT = torch.arange(10)[None]
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        ours = learner.model(input_ids=tokens_BT).logits
        torch.testing.assert_close(plain(input_ids=tokens_BT).logits, ours, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(tiny_model()(input_ids=tokens_BT).logits, ours, atol=1e-2)
    assert names == [name for name, weights in learner.model.named_parameters() if weights.requires_grad]


def test_adapters_begin_alike_and_leave_the_global_generator_alone() -> None:
    model = tiny_model()  # seeds the global generator
    state = torch.get_rng_state()
    first = learner_of(model, lora=LoraSettings(rank=4, alpha=8))
    assert torch.equal(state, torch.get_rng_state())
    torch.rand(3)
    assert unchanged(weights_of(first), learner_of(lora=LoraSettings(rank=4, alpha=8)))
    other = Learner(tiny_model(), LearnerSettings(lora=LoraSettings(rank=4, alpha=8)), adapter_seed=1)
    assert not unchanged(weights_of(first), other)


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"Trained weights must be float32, got torch\.bfloat16"):
        learner_of(tiny_model(dtype=torch.bfloat16))
    frozen = tiny_model()
    frozen.requires_grad_(False)
    with pytest.raises(InvalidValueError, match="no weights that require a gradient"):
        learner_of(frozen)
    with pytest.raises(InvalidValueError, match="LoRA cannot be added to Qwen3ForCausalLM"):
        learner_of(lora=LoraSettings(target_modules=("no_such_layer",)))
    with pytest.raises(InvalidValueError, match="temperature of training must be above 0, got 0"):
        Learner(tiny_model(), LearnerSettings(), temperature=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be above 0, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"betas": (0.9, 1.0)}, "betas must be two numbers"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, got -1"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm must be above 0"),
        ({"max_batch_tokens": 0}, "max_batch_tokens must be at least 1, got 0"),
        ({"warmup_steps": 1.5}, "warmup_steps must be an integer"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        LearnerSettings(**options)


@pytest.mark.parametrize("options", [{"rank": 0}, {"alpha": 0}, {"target_modules": ()}])
def test_bad_adapters_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(options))):
        LoraSettings(**options)


def test_the_learning_rate_falls_to_a_tenth_after_the_warm_up() -> None:
    learner = learner_of(learning_rate=1.0, warmup_steps=2, decay_steps=4)
    rates = []
    for learner.num_steps in range(8):
        rates.append(learner.learning_rate)
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.775, 0.55, 0.325, 0.1, 0.1])
