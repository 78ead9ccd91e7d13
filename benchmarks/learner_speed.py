"""Tokens per second of a training step next to a bare forward and backward pass of the same model.

Both read the same trajectories in one run and in turns, so that whatever else the machine does slows both. The bare
pass is the least that any trainer does: it reads the sequences, in the same padded batches, projects every position,
and runs the backward pass of the mean log-probability; it has no masks, weights, ratios, clipping or optimizer.

    python -m benchmarks.learner_speed [--device cuda --bf16 --width 512 --layers 8]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from rao_train.credit import CreditedTrajectory
from rao_train.learning.batching import input_length, micro_batches
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings
from rao_train.rollout.trajectory import Trajectory


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--vocabulary", type=int, default=256)
    parser.add_argument("--sequences", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=200, help="longest sequence; the shortest is half of it")
    parser.add_argument("--max-batch-tokens", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=options.vocabulary,
        hidden_size=options.width,
        intermediate_size=3 * options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=options.width // 4,
    )
    model = Qwen3ForCausalLM(config).to(options.device)
    settings = LearnerSettings(bf16=options.bf16, max_batch_tokens=options.max_batch_tokens)
    learner = Learner(model, settings)
    batch = random_batch(options.sequences, options.tokens, options.vocabulary)
    num_tokens = sum(input_length(credited.trajectory) for credited in batch)
    bare = bare_batches([credited.trajectory for credited in batch], options.max_batch_tokens, learner.device)
    ways: dict[str, Callable[[], object]] = {
        "bare forward and backward": lambda: bare_pass(model, bare, bf16=options.bf16),
        "training step": lambda: learner.step(batch),
    }
    seconds = measure(ways, options.rounds, learner.device)
    table = Table("", "tokens/s", "share of bare", title=f"{num_tokens:,} tokens, {options.rounds} rounds, medians")
    base = seconds["bare forward and backward"]
    for name, times in seconds.items():
        ratio = statistics.median(first / second for first, second in zip(base, times, strict=True))
        table.add_row(name, f"{num_tokens / statistics.median(times):,.0f}", f"{ratio:.2f}")
    Console().print(table)


def random_batch(num_sequences: int, longest: int, vocabulary: int) -> list[CreditedTrajectory]:
    """Return trajectories of random tokens, half of them generated, in runs as turns are."""
    generator = np.random.default_rng(0)
    batch = []
    for place, length in enumerate(generator.integers(longest // 2, longest + 1, num_sequences)):
        mask_T = (np.arange(length) // 10) % 2 == 1
        trajectory = Trajectory(
            tokens_T=generator.integers(0, vocabulary, length).astype(np.int32),
            mask_T=mask_T,
            logprobs_T=np.where(mask_T, -np.log(vocabulary), 0).astype(np.float32),
            node=0,
            depth=0,
            rollout=place,
            group=0,
            versions_T=np.zeros(length, dtype=np.int32),
        )
        batch.append(CreditedTrajectory(trajectory=trajectory, reward=0.0, advantage=float(generator.normal())))
    return batch


def bare_batches(
    trajectories: Sequence[Trajectory], max_batch_tokens: int, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Return inputs and targets, [B, T] each, padded with 0 and already on the device."""
    lengths = [input_length(trajectory) for trajectory in trajectories]
    batches = []
    for places in micro_batches(lengths, max_batch_tokens):
        tokens_BT = np.zeros((len(places), lengths[places[0]] + 1), dtype=np.int64)
        for row, place in enumerate(places):
            tokens_BT[row, : lengths[place] + 1] = trajectories[place].tokens_T[: lengths[place] + 1]
        tokens = torch.from_numpy(tokens_BT).to(device)
        batches.append((tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()))
    return batches


def bare_pass(model: PreTrainedModel, batches: Sequence[tuple[Tensor, Tensor]], *, bf16: bool) -> None:
    """Run forward and backward."""
    for inputs_BT, targets_BT in batches:
        with torch.autocast(inputs_BT.device.type, torch.bfloat16, enabled=bf16):
            logits_BTV = model(input_ids=inputs_BT, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits_BTV.flatten(0, 1).float(), targets_BT.flatten()).backward()
    model.zero_grad(set_to_none=True)


def measure(ways: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Run all ways in turns, after one round that does not count; return the seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
