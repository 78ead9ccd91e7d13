"""Tiny policies, trajectories and rollouts for the tests of the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from counting import Counting
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rao_gym.limits import Limits
from rao_gym.rewards import Judge, success_signals
from rao_gym.runtime import Runtime
from rao_gym.tree import ExecutionTree, Node
from rao_train.credit import CreditedTrajectory
from rao_train.rollout.trajectory import Rollout, Trajectory

VOCABULARY = 40


def tiny_model(seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any) -> PreTrainedModel:
    """Return a Qwen3 of two layers and width 32."""
    torch.manual_seed(seed)
    options: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
    }
    model: Any = Qwen3ForCausalLM(Qwen3Config(**(options | changes)))
    moved: PreTrainedModel = model.to(dtype)
    return moved


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that knows the numbers below the vocabulary's size."""
    words = {str(number): number for number in range(VOCABULARY)}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words, unk_token="0")))


def make_trajectory(length: int, *, seed: int = 0, depth: int = 0, node: int = 0, rollout: int = 0) -> Trajectory:
    """Return a trajectory of random tokens, about half of them generated."""
    generator = np.random.default_rng([seed, length])
    mask_T = generator.random(length) < 0.5
    mask_T[0] = False
    mask_T[generator.integers(1, length)] = True
    logprobs_T = np.where(mask_T, -generator.random(length) * 6, 0).astype(np.float32)
    return Trajectory(
        tokens_T=generator.integers(0, VOCABULARY, length).astype(np.int32),
        mask_T=mask_T,
        logprobs_T=logprobs_T,
        node=node,
        depth=depth,
        rollout=rollout,
        group=0,
        versions_T=np.zeros(length, dtype=np.int32),
    )


def make_batch(lengths: Sequence[int], *, seed: int = 0) -> list[CreditedTrajectory]:
    """Return random trajectories with random advantages and weights."""
    generator = np.random.default_rng(seed)
    return [
        CreditedTrajectory(
            trajectory=make_trajectory(length, seed=seed + place),
            reward=0.0,
            advantage=float(generator.normal()),
            weight=float(generator.random() + 0.5),
        )
        for place, length in enumerate(lengths)
    ]


@dataclass(frozen=True)
class Plan:
    """What a node does: launch children, all at once, then answer.

    Attributes:
        answer: ``right``, ``wrong``, ``never`` to spend all turns, or ``unknown`` for a goal nothing verifies.
        children: What its children do.
        num_refused: Launches among these that the family refuses.
    """

    answer: str = "right"
    children: tuple[Plan, ...] = ()
    num_refused: int = 0


def grow(plan: Plan) -> ExecutionTree:
    """Carry out a plan in a real runtime."""
    runtime = Runtime(Counting(), Limits(max_depth=None, max_turns=3, window=None), "tools")
    root = runtime.reset(0, 2)
    total = sum(runtime.task.context)
    plans: dict[Node, Plan] = {root: plan}
    while not runtime.done:
        node = next(iter(runtime.ready))
        if node.parent is not None:
            plans[node] = plans[node.parent].children[node.position]
        plan = plans[node]
        if node.turns == 0 and (plan.children or plan.num_refused):
            runtime.act(node, "".join([*map(_launch, plan.children), *[_call_launch("", 0, 0)] * plan.num_refused]))
        elif plan.answer == "never":
            runtime.act(node, "Let me think.")
        else:
            answer = total if plan.answer == "right" else -1
            runtime.act(node, f'<tool_call>{{"name": "finish", "arguments": {{"answer": {answer}}}}}</tool_call>')
    return runtime.tree


def _launch(plan: Plan) -> str:
    return _call_launch("Guess." if plan.answer == "unknown" else "Sum the numbers.", 0, 4)


def _call_launch(goal: str, start: int, end: int) -> str:
    arguments = f'{{"goal": "{goal}", "start": {start}, "end": {end}}}'
    return f'<tool_call>{{"name": "launch_subagent", "arguments": {arguments}}}</tool_call>'


def make_rollout(plan: Plan, *, index: int = 0, group: int = 0, judge: Judge | None = None) -> Rollout:
    """Carry out a plan, with a made-up trajectory for each node."""
    tree = grow(plan)
    tokens_T = np.array([1, 2, 3], dtype=np.int32)
    trajectories = [
        Trajectory(
            tokens_T=tokens_T,
            mask_T=np.array([False, True, True]),
            logprobs_T=np.array([0, -1, -1], dtype=np.float32),
            node=node.id,
            depth=node.depth,
            rollout=index,
            group=group,
            versions_T=np.zeros(3, dtype=np.int32),
        )
        for node in tree.nodes
        if node.turns
    ]
    return Rollout(
        tree=tree,
        signals=success_signals(tree, judge),
        trajectories=trajectories,
        index=index,
        group=group,
    )
