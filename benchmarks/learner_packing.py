"""Tokens per second of a learner that shares prefixes, of one that pads, and of a bare pass, on the batches of trees.

    python -m benchmarks.learner_packing demo --model runs/arithmetic_tiny/model
    python -m benchmarks.learner_packing arithmetic | code | long_context [--tasks 1 --reworded 1.0]
    python -m benchmarks.learner_packing unshared

`bare` is a padded forward and backward pass of the model, as in `benchmarks.learner_speed`; the two learners take whole
steps. All three run in one process and in turns, on one thread, and are timed in seconds of the processor, which other
work on the machine changes less than those of the clock. Speed is in tokens of the trajectories, however few positions
are computed. With ``--sample 4`` the padded ways read every fourth trajectory: what they do not share costs the same
whatever is beside it.

``demo`` is the whole batch of a step of ``arithmetic_tiny``: 128 trees that the given model grows. The batches of
families are the rollouts of few tasks by the reference policy, with system prompts, read by a model of 10 million
weights. There, a share of the actions is reworded: each gets a comment or sentence of two to seven random words at a
random line. ``unshared`` is a batch of random tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.learner_speed import bare_batches, bare_pass, random_batch
from rao_gym import make_setup
from rao_gym.policies.base import ask
from rao_gym.policies.loading import load_policy
from rao_gym.runtime import turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ExecutionTree
from rao_train.credit import CreditedTrajectory
from rao_train.engines import TransformersEngine
from rao_train.learning.batching import input_length
from rao_train.learning.learner import Learner, LearnerMetrics
from rao_train.learning.settings import LearnerSettings, Packing
from rao_train.models.loading import load_folder
from rao_train.models.tiny import ASSISTANT, END, PAD, USER, TinyModelSettings, build_model
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.reading import load_recipe
from rao_train.rollout.trajectory import TokenSequence, Trajectory
from rao_train.rollout.worker import PlannedRollout, RolloutWorker
from rao_train.run.warm_start import sequences_of

FAMILIES = {
    "arithmetic": ("rao/Arithmetic-v0", 3),
    "code": ("rao/Code-v0", 2),
    "long_context": ("rao/LongContext-v0", 3),
}
"""Id and difficulty of each family's batch."""

BARE, PADDED, TREE = "bare forward and backward, padded", "learner, padded", "learner, tree"
TEN_MILLION = TinyModelSettings(layers=6, width=320, heads=5, hidden=896, positions=4096)
VOCABULARY = 8192
WORDS = ["now", "then", "first", "next", "take", "this", "value", "into", "account", "and", "go", "on", "with", "it"]

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@dataclass(frozen=True, eq=False)
class Case:
    """What is measured: a model, a batch, and the learner's bound of a pass."""

    model: PreTrainedModel
    batch: list[CreditedTrajectory]
    max_batch_tokens: int


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("batch", choices=["demo", *FAMILIES, "unshared"])
    parser.add_argument("--model", type=Path, help="for demo: a model that `rao train arithmetic_tiny` left behind")
    parser.add_argument("--tasks", type=int, default=1, help="for families: tasks of 8 rollouts each")
    parser.add_argument("--reworded", type=float, default=1.0, help="for families: share of the actions")
    parser.add_argument("--max-batch-tokens", type=int, default=4096, help="for families and unshared")
    parser.add_argument("--sample", type=int, default=1, help="the padded ways read one of so many trajectories")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    Console().print(table_of(case_of(options), options.rounds, options.sample, options.batch))


def case_of(options: argparse.Namespace) -> Case:
    """Return what the command line asks for."""
    if options.batch == "demo":
        if options.model is None:
            raise SystemExit("demo needs --model: a folder such as runs/arithmetic_tiny/model")
        return demo(options.model)
    if options.batch == "unshared":
        tokenizer = tokenizer_of(["nothing"])
        batch = random_batch(24, 400, len(tokenizer))
        return Case(build_model(TEN_MILLION, tokenizer, 0), batch, options.max_batch_tokens)
    return family(*FAMILIES[options.batch], options.tasks, options.reworded, options.max_batch_tokens)


def table_of(case: Case, rounds: int, sample: int, title: str) -> Table:
    """Run the three ways in turns and return their speeds."""
    sampled = case.batch[::sample]
    padded, tree = (
        Learner(case.model, LearnerSettings(max_batch_tokens=case.max_batch_tokens, packing=packing))
        for packing in (Packing.PADDED, Packing.TREE)
    )
    bare = bare_batches([credited.trajectory for credited in sampled], case.max_batch_tokens, tree.device)
    steps: list[LearnerMetrics] = []
    ways: dict[str, Callable[[], object]] = {
        BARE: lambda: bare_pass(case.model, bare, bf16=False),
        PADDED: lambda: padded.step(sampled),
        TREE: lambda: steps.append(tree.step(case.batch)),
    }
    seconds = measure(ways, rounds)
    num_tokens = {name: num_read(case.batch if name == TREE else sampled) for name in ways}
    speeds = {name: num_tokens[name] / median(times) for name, times in seconds.items()}
    table = Table(
        "",
        "tokens/s",
        "× bare",
        "× padded",
        title=f"{title}: {len(case.batch)} trajectories, {num_tokens[TREE]:,} tokens, sharing {steps[-1].sharing:.2f}, "
        f"{case.model.num_parameters() / 1e6:.1f} M weights, medians of {rounds}",
    )
    for name, speed in speeds.items():
        table.add_row(name, f"{speed:,.0f}", f"{speed / speeds[BARE]:.2f}", f"{speed / speeds[PADDED]:.2f}")
    return table


def num_read(batch: Sequence[CreditedTrajectory]) -> int:
    """Return the tokens that a batch reads."""
    return sum(input_length(credited.trajectory) for credited in batch)


def measure(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run all ways in turns; return the processor's seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            start = process_time()
            run()
            seconds[name].append(process_time() - start)
    return seconds


def demo(folder: Path) -> Case:
    """Return the whole batch of a step of ``arithmetic_tiny``."""
    recipe = load_recipe("arithmetic_tiny")
    setup = recipe.environment.setup()
    training = recipe.training
    model, tokenizer = load_folder(str(folder), "cpu", "float32")
    template = TurnTemplate(tokenizer)
    engine = TransformersEngine(model, list(template.end_ids), recipe.engine)
    worker = RolloutWorker(setup, engine, template, recipe.sampling)
    difficulties = list(recipe.curriculum.difficulties)
    plans = [
        PlannedRollout(
            task=setup.family.sample(0, "train", group, difficulties[group % len(difficulties)]),
            index=group * training.group_size + place,
            group=group,
            seed=(group, place),
        )
        for group in range(training.tasks_per_step)
        for place in range(training.group_size)
    ]
    with closing(worker):
        rollouts = worker.grow(plans).rollouts
    return Case(model, credited([one for rollout in rollouts for one in rollout.trajectories]), 2048)


def family(env_id: str, difficulty: int, tasks: int, reworded: float, max_batch_tokens: int) -> Case:
    """Return the rollouts of some tasks by the reference policy, eight of each."""
    generator = np.random.default_rng(0)
    trees = [
        tree
        for index in range(tasks)
        for tree in played(env_id, difficulty, index, lambda action: reword(action, reworded, generator))
    ]
    texts = [message["content"] for tree in trees for node in tree.nodes for message in node.messages]
    tokenizer = tokenizer_of(texts)
    template = TurnTemplate(tokenizer)
    batch = credited([sequence for tree in trees for sequence in sequences_of(tree, template)])
    return Case(build_model(TEN_MILLION, tokenizer, 0), batch, max_batch_tokens)


def played(env_id: str, difficulty: int, index: int, change: Callable[[str], str]) -> list[ExecutionTree]:
    """Return eight trees of one task."""
    setup = make_setup(env_id)
    policy = load_policy("reference", setup.family)
    trees = []
    with closing(Sandbox()) as sandbox:
        runtime = setup.runtime(sandbox)
        for _ in range(8):
            runtime.reset(0, difficulty, index=index)
            while not runtime.done:
                for node in list(runtime.ready):
                    (answer,) = ask(policy, [turn_of(runtime, node)])
                    runtime.act(node, change(str(answer)))
            trees.append(runtime.tree)
        runtime.release()
    return trees


def reword(action: str, share: float, generator: np.random.Generator) -> str:
    """Return an action with a few words more at a random line, in a share of the cases."""
    if generator.random() >= share:
        return action
    words = " ".join(generator.choice(WORDS, size=generator.integers(2, 8)))
    lines = action.splitlines()
    if not action.startswith("```"):
        return f"{words}.\n{action}"
    place = int(generator.integers(1, len(lines)))
    indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    return "\n".join([*lines[:place], f"{indent}# {words}", *lines[place:]])


def tokenizer_of(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer that splits words as those of large models do."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[USER, ASSISTANT, END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([f"<unused {number}>" for number in range(VOCABULARY - tokenizer.get_vocab_size())])
    options: dict[str, Any] = {"eos_token": END, "pad_token": PAD, "additional_special_tokens": [USER, ASSISTANT]}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=CHAT_TEMPLATE, **options)


def credited(sequences: Sequence[TokenSequence]) -> list[CreditedTrajectory]:
    """Return trajectories with random log-probabilities and advantages."""
    generator = np.random.default_rng(0)
    batch = []
    for place, sequence in enumerate(sequences):
        logprobs_T = np.where(sequence.mask_T, -2 * generator.random(len(sequence)), 0).astype(np.float32)
        trajectory = Trajectory(
            tokens_T=sequence.tokens_T,
            mask_T=sequence.mask_T,
            logprobs_T=logprobs_T,
            versions_T=np.zeros(len(sequence), dtype=np.int32),
            node=0,
            depth=0,
            rollout=place,
            group=0,
        )
        batch.append(CreditedTrajectory(trajectory=trajectory, reward=0.0, advantage=float(generator.normal())))
    return batch


if __name__ == "__main__":
    main()
