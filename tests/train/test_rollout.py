"""Rollouts: the tokens of a trajectory are exactly what was read and written, whatever the tree."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from counting import Counting
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.errors import FileFormatError, InvalidValueError
from rao_gym.registry import Episodes, episodes_of
from rao_gym.tree import ChatMessage, StopReason
from rao_train.batching import input_length
from rao_train.engines import Completion, Request, Sampling, TransformersEngine
from rao_train.rollout import PlannedTree, RolloutBatch, RolloutWorker
from rao_train.rollout_json import batch_from_json, batch_to_json
from rao_train.tiny_model import TinyModelSettings, build_model, build_tokenizer
from rao_train.turn_template import TurnTemplate

ACTIONS = (
    '<tool_call>{"name": "finish", "arguments": {"answer": 12}}</tool_call>',
    '<tool_call>{"name": "peek", "arguments": {"index": 0}}</tool_call>',
    '<tool_call>{"name": "launch_subagent", "arguments": {"goal": "Sum the numbers.", "start": 0, "end": 1}}'
    "</tool_call>"
    '<tool_call>{"name": "launch_subagent", "arguments": {"goal": "Guess.", "start": 1, "end": 2}}</tool_call>',
    '<tool_call>{"name": "launch_subagent", "arguments": {"goal": "", "start": 0, "end": 1}}</tool_call>',
    "thinking aloud: é, 中, <b>",
    "",
)
TOKENIZER: Any = build_tokenizer([text for text in ACTIONS for _ in range(3)], 600)
TEMPLATE = TurnTemplate(TOKENIZER)


class RandomWriter:
    """An engine that writes random actions, cut into tokens in random ways, and remembers all of it."""

    def __init__(self) -> None:
        self.written: dict[Hashable, list[Completion]] = {}
        self.read: dict[Hashable, list[list[int]]] = {}
        self.released: list[Hashable] = []

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        return [self._write(request, sampling) for request in requests]

    def _write(self, request: Request, sampling: Sampling) -> Completion:
        rng = np.random.default_rng(request.seed)
        text = ACTIONS[int(rng.choice(len(ACTIONS), p=(0.4, 0.1, 0.3, 0.05, 0.1, 0.05)))]
        cuts = sorted({0, len(text), *(int(cut) for cut in rng.integers(0, len(text) + 1, size=5))})
        ids = [token for cut, end in itertools.pairwise(cuts) for token in TEMPLATE.encode(text[cut:end])]
        ended = bool(rng.random() < 0.8) or not ids
        ids = [*ids, TEMPLATE.end_id] if ended else ids
        completion = Completion(ids, [-float(value) for value in rng.random(len(ids))], ended)
        self.written.setdefault(request.session, []).append(completion)
        self.read.setdefault(request.session, []).append(list(request.ids))
        return completion

    def release(self, session: Hashable) -> None:
        self.released.append(session)

    def sync_weights(self) -> None:
        """Keep nothing."""


def counting(**options: Any) -> Episodes:
    return episodes_of(Counting, **({"actions": "tools", "max_turns": 4, "max_depth": 3, "max_nodes": 30} | options))


def plans(episodes: Episodes, seed: int, number: int) -> list[PlannedTree]:
    return [
        PlannedTree(task=episodes.family.sample(seed, "train", index, 2), tree=index, group=0, seed=(seed, index))
        for index in range(number)
    ]


def grown(seed: int, number: int, **options: Any) -> tuple[RandomWriter, RolloutBatch]:
    episodes, engine = counting(**options), RandomWriter()
    return engine, RolloutWorker(episodes, engine, TEMPLATE, Sampling()).grow(plans(episodes, seed, number))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 5))
def test_masks_cover_exactly_the_generated_tokens(seed: int, number: int) -> None:
    engine, batch = grown(seed, number)
    for tree in batch.trees:
        assert [trajectory.node for trajectory in tree.trajectories] == [
            node.id for node in tree.execution.nodes if node.turns
        ]
        for trajectory in tree.trajectories:
            node = tree.execution.nodes[trajectory.node]
            completions = engine.written[(tree.tree, node.id)][: node.turns]
            generated = [token for completion in completions for token in completion.ids]
            logprobs = [value for completion in completions for value in completion.logprobs]
            assert trajectory.tokens_T[trajectory.mask_T].tolist() == generated
            assert trajectory.logprobs_T[trajectory.mask_T].tolist() == np.array(logprobs, dtype=np.float32).tolist()
            actions = [message["content"] for message in node.messages if message["role"] == "assistant"]
            assert actions == [TEMPLATE.action_text(one.ids, ended=one.ended) for one in completions]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_the_engine_read_is_a_prefix_of_the_trajectory(seed: int) -> None:
    engine, batch = grown(seed, 3)
    for tree in batch.trees:
        for trajectory in tree.trajectories:
            tokens = trajectory.tokens_T.tolist()
            for prompt, completion in zip(
                engine.read[(tree.tree, trajectory.node)], engine.written[(tree.tree, trajectory.node)], strict=True
            ):
                assert tokens[: len(prompt) + len(completion.ids)] == [*prompt, *completion.ids]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_tokens_say_what_the_messages_say(seed: int) -> None:
    _, batch = grown(seed, 2)
    for tree in batch.trees:
        for trajectory in tree.trajectories:
            messages = tree.execution.nodes[trajectory.node].messages
            last = max(place for place, message in enumerate(messages) if message["role"] == "assistant")
            said = TOKENIZER.apply_chat_template(messages[: last + 1], tokenize=False)
            decoded = TOKENIZER.decode(trajectory.tokens_T.tolist())
            assert decoded in (said, said.removesuffix("<|end|>"))


def test_the_engine_may_forget_every_node() -> None:
    engine, batch = grown(1, 4)
    sessions = {(tree.tree, trajectory.node) for tree in batch.trees for trajectory in tree.trajectories}
    assert sessions <= set(engine.released)


def test_nodes_that_are_cancelled_keep_what_they_wrote() -> None:
    _, batch = grown(5, 30, max_tree_tokens=400)
    reasons = {node.stop_reason for tree in batch.trees for node in tree.execution.nodes}
    assert "cancelled" in reasons
    assert all(tree.execution.root.ended for tree in batch.trees)


def test_trees_do_not_depend_on_what_grows_beside_them() -> None:
    _, together = grown(7, 4)
    episodes = counting()
    for plan, tree in zip(plans(episodes, 7, 4), together.trees, strict=True):
        alone = RolloutWorker(episodes, RandomWriter(), TEMPLATE, Sampling()).grow([plan])
        assert alone.trees[0].execution == tree.execution


def test_a_batch_survives_as_json() -> None:
    _, batch = grown(3, 3)
    again = batch_from_json(batch_to_json(batch))
    assert batch_to_json(again) == batch_to_json(batch)
    assert again.trees[0].execution == batch.trees[0].execution
    first, second = batch.trees[0].trajectories[0], again.trees[0].trajectories[0]
    assert first.logprobs_T.tobytes() == second.logprobs_T.tobytes()
    assert first.tokens_T.tobytes() == second.tokens_T.tobytes()


def test_counts_of_tokens_add_up() -> None:
    _, batch = grown(2, 3)
    trajectories = [trajectory for tree in batch.trees for trajectory in tree.trajectories]
    assert batch.num_generated == sum(int(trajectory.mask_T.sum()) for trajectory in trajectories)
    assert batch.num_generated + batch.num_read == sum(map(len, trajectories))


def test_a_real_model_plays_through_the_real_runtime() -> None:
    model = build_model(TinyModelSettings(layers=1, width=16, heads=2, hidden=16), TOKENIZER, seed=0)
    episodes = counting(max_turns=2)
    worker = RolloutWorker(episodes, TransformersEngine(model, [TEMPLATE.end_id]), TEMPLATE, Sampling(max_new_tokens=5))
    batch = worker.grow(plans(episodes, 0, 3))
    for tree in batch.trees:
        for trajectory in tree.trajectories:
            with torch.no_grad():
                logits = model(torch.from_numpy(trajectory.tokens_T.astype(np.int64))[None]).logits[0]
            expected = torch.log_softmax(logits[:-1], dim=-1).numpy()[
                np.arange(len(trajectory) - 1), trajectory.tokens_T[1:]
            ]
            written = trajectory.mask_T[1:]
            assert trajectory.logprobs_T[1:][written] == pytest.approx(expected[written], abs=1e-4)


def test_a_node_that_outgrows_the_model_ends_out_of_window() -> None:
    episodes = counting(max_turns=None, window=None)
    opening = len(TEMPLATE.opening(episodes.runtime().start(plans(episodes, 0, 1)[0].task).messages))
    sampling = Sampling(max_new_tokens=max(len(TEMPLATE.encode(text)) for text in ACTIONS) + 20)
    worker = RolloutWorker(episodes, RandomWriter(), TEMPLATE, sampling, max_length=opening + 200)
    batch = worker.grow(plans(episodes, 0, 40))
    reasons = [node.stop_reason for tree in batch.trees for node in tree.execution.nodes]
    assert StopReason.OUT_OF_WINDOW in reasons
    assert StopReason.FINISHED in reasons
    assert all(input_length(one) <= opening + 200 for tree in batch.trees for one in tree.trajectories)


def test_an_opening_that_the_model_cannot_read_is_named() -> None:
    episodes = counting()
    worker = RolloutWorker(episodes, RandomWriter(), TEMPLATE, Sampling(), max_length=40)
    with pytest.raises(InvalidValueError, match="the model reads 40"):
        worker.grow(plans(episodes, 0, 1))


def test_a_template_without_a_system_role_gets_its_text_before_the_goal() -> None:
    tokenizer: Any = build_tokenizer(ACTIONS, 400)
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        + tokenizer.chat_template
    )
    template = TurnTemplate(tokenizer)
    opening = template.opening(
        [ChatMessage(role="system", content="Rules."), ChatMessage(role="user", content="Goal.")]
    )
    assert "Rules.\n\nGoal." in tokenizer.decode(opening)


def test_a_template_that_ends_turns_otherwise_is_understood() -> None:
    tokenizer: Any = build_tokenizer(ACTIONS, 400)
    tokenizer.chat_template = (
        "{% for message in messages %}<|user|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|user|>assistant\n{% endif %}"
    )
    template = TurnTemplate(tokenizer)
    messages = [
        ChatMessage(role="system", content="Rules."),
        ChatMessage(role="user", content="Goal."),
        ChatMessage(role="assistant", content="Done."),
        ChatMessage(role="user", content="No."),
    ]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(template.transcript(messages)) == rendered
    assert template.reply("No.", ended=False)[1:] == template.reply("No.", ended=True)


@pytest.mark.parametrize(
    ("chat_template", "expected"),
    [
        (None, "has no chat template"),
        ("{% for message in messages %}{{ message['role'] }}{% endfor %}", "does not keep messages as they are"),
        ("{% for message in messages %}{{ message['content'] }}{% endfor %}", "does not end the model's turns"),
        ("{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}", "with ordinary text"),
    ],
)
def test_tokenizers_that_cannot_hold_a_conversation_are_named(chat_template: str | None, expected: str) -> None:
    tokenizer: Any = build_tokenizer(ACTIONS, 400)
    tokenizer.chat_template = chat_template
    with pytest.raises(FileFormatError, match=expected):
        TurnTemplate(tokenizer)
