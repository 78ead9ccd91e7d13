"""Rollouts: the tokens of a trajectory are exactly what was read and written, whatever the tree."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
import torch
from counting import Counting
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rao_gym.errors import FileFormatError, InvalidValueError, ServerError, WindowTooSmallError
from rao_gym.registry import Setup, setup_of
from rao_gym.tree import ChatMessage, StopReason
from rao_train.credit import CreditSettings, GroupFilter, credit
from rao_train.engines import BatchEngine, Completion, CompletionEnd, Engine, Request, Sampling, TransformersEngine
from rao_train.learning.batching import input_length
from rao_train.models.tiny import TinyModelSettings, build_model, build_tokenizer
from rao_train.models.turn_template import TurnTemplate
from rao_train.rollout.batch_json import batch_from_json, batch_to_json
from rao_train.rollout.player import MAX_TRIES
from rao_train.rollout.worker import PlannedRollout, RolloutBatch, RolloutWorker
from rao_train.run.metrics import rollout_metrics

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


class RandomWriter(BatchEngine):
    """An engine that writes random actions, cut into tokens in random ways, and remembers all of it."""

    def __init__(self) -> None:
        super().__init__()
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
        end = CompletionEnd.END_TOKEN if ended else CompletionEnd.LENGTH
        completion = Completion(ids, [-float(value) for value in rng.random(len(ids))], end, [3] * len(ids))
        self.written.setdefault(request.session, []).append(completion)
        self.read.setdefault(request.session, []).append(list(request.ids))
        return completion

    def release(self, session: Hashable) -> None:
        self.released.append(session)


def counting(**options: Any) -> Setup:
    return setup_of(Counting, **({"actions": "tools", "max_turns": 4, "max_depth": 3, "max_nodes": 30} | options))


def plans(setup: Setup, seed: int, number: int) -> list[PlannedRollout]:
    return [
        PlannedRollout(task=setup.family.sample(seed, "train", index, 2), index=index, group=0, seed=(seed, index))
        for index in range(number)
    ]


def grown(seed: int, number: int, **options: Any) -> tuple[RandomWriter, RolloutBatch]:
    setup, engine = counting(**options), RandomWriter()
    return engine, RolloutWorker(setup, engine, TEMPLATE, Sampling()).grow(plans(setup, seed, number))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 5))
def test_masks_cover_exactly_the_generated_tokens(seed: int, number: int) -> None:
    engine, batch = grown(seed, number)
    for rollout in batch.rollouts:
        assert [trajectory.node for trajectory in rollout.trajectories] == [
            node.id for node in rollout.tree.nodes if node.turns
        ]
        for trajectory in rollout.trajectories:
            node = rollout.tree.nodes[trajectory.node]
            completions = engine.written[(rollout.index, node.id)][: node.turns]
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
    for rollout in batch.rollouts:
        for trajectory in rollout.trajectories:
            tokens = trajectory.tokens_T.tolist()
            for prompt, completion in zip(
                engine.read[(rollout.index, trajectory.node)],
                engine.written[(rollout.index, trajectory.node)],
                strict=True,
            ):
                assert tokens[: len(prompt) + len(completion.ids)] == [*prompt, *completion.ids]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_tokens_say_what_the_messages_say(seed: int) -> None:
    _, batch = grown(seed, 2)
    for rollout in batch.rollouts:
        for trajectory in rollout.trajectories:
            messages = rollout.tree.nodes[trajectory.node].messages
            last = max(place for place, message in enumerate(messages) if message["role"] == "assistant")
            said = TOKENIZER.apply_chat_template(messages[: last + 1], tokenize=False)
            decoded = TOKENIZER.decode(trajectory.tokens_T.tolist())
            assert decoded in (said, said.removesuffix("<|end|>"))


def test_the_engine_may_forget_every_node() -> None:
    engine, batch = grown(1, 4)
    sessions = {(rollout.index, trajectory.node) for rollout in batch.rollouts for trajectory in rollout.trajectories}
    assert sessions <= set(engine.released)


def test_nodes_that_are_cancelled_keep_what_they_wrote() -> None:
    _, batch = grown(5, 30, max_tree_tokens=400)
    reasons = {node.stop_reason for rollout in batch.rollouts for node in rollout.tree.nodes}
    assert "cancelled" in reasons
    assert all(rollout.tree.root.ended for rollout in batch.rollouts)


def test_trees_do_not_depend_on_what_grows_beside_them() -> None:
    _, together = grown(7, 4)
    setup = counting()
    for plan, rollout in zip(plans(setup, 7, 4), together.rollouts, strict=True):
        alone = RolloutWorker(setup, RandomWriter(), TEMPLATE, Sampling()).grow([plan])
        assert alone.rollouts[0].tree == rollout.tree


def test_a_batch_survives_as_json() -> None:
    _, batch = grown(3, 3)
    again = batch_from_json(batch_to_json(batch))
    assert batch_to_json(again) == batch_to_json(batch)
    assert again.rollouts[0].tree == batch.rollouts[0].tree
    first, second = batch.rollouts[0].trajectories[0], again.rollouts[0].trajectories[0]
    assert first.logprobs_T.tobytes() == second.logprobs_T.tobytes()
    assert first.tokens_T.tobytes() == second.tokens_T.tobytes()


def test_counts_of_tokens_add_up() -> None:
    _, batch = grown(2, 3)
    trajectories = [trajectory for rollout in batch.rollouts for trajectory in rollout.trajectories]
    assert batch.num_generated == sum(int(trajectory.mask_T.sum()) for trajectory in trajectories)
    assert batch.num_generated + batch.num_read == sum(map(len, trajectories))


def test_a_real_model_plays_through_the_real_runtime() -> None:
    model = build_model(TinyModelSettings(layers=1, width=16, heads=2, hidden=16), TOKENIZER, seed=0)
    setup = counting(max_turns=2)
    worker = RolloutWorker(setup, TransformersEngine(model, [TEMPLATE.end_id]), TEMPLATE, Sampling(max_new_tokens=5))
    batch = worker.grow(plans(setup, 0, 3))
    for rollout in batch.rollouts:
        for trajectory in rollout.trajectories:
            with torch.no_grad():
                logits = model(torch.from_numpy(trajectory.tokens_T.astype(np.int64))[None]).logits[0]
            expected = torch.log_softmax(logits[:-1], dim=-1).numpy()[
                np.arange(len(trajectory) - 1), trajectory.tokens_T[1:]
            ]
            written = trajectory.mask_T[1:]
            assert trajectory.logprobs_T[1:][written] == pytest.approx(expected[written], abs=1e-4)


def test_a_node_that_outgrows_the_model_ends_out_of_window() -> None:
    setup = counting(max_turns=None, window=None)
    opening = len(TEMPLATE.opening(setup.runtime().start(plans(setup, 0, 1)[0].task).messages))
    sampling = Sampling(max_new_tokens=max(len(TEMPLATE.encode(text)) for text in ACTIONS) + 20)
    worker = RolloutWorker(setup, RandomWriter(), TEMPLATE, sampling, max_length=opening + 200)
    batch = worker.grow(plans(setup, 0, 40))
    reasons = [node.stop_reason for rollout in batch.rollouts for node in rollout.tree.nodes]
    assert StopReason.OUT_OF_WINDOW in reasons
    assert StopReason.FINISHED in reasons
    assert all(input_length(one) <= opening + 200 for rollout in batch.rollouts for one in rollout.trajectories)


def test_a_task_whose_opening_the_model_cannot_read_is_left_out_and_counted() -> None:
    setup = counting(max_turns=1, max_depth=0)
    tasks = plans(setup, 0, 4)
    lengths = [len(TEMPLATE.opening(setup.runtime().start(plan.task).messages)) for plan in tasks]
    record = replace(tasks[1].task.record, goal=f"Sum the numbers. {'Well. ' * 100}")
    tasks[1] = replace(tasks[1], task=replace(tasks[1].task, record=record))
    sampling = Sampling(max_new_tokens=10)
    batch = RolloutWorker(setup, RandomWriter(), TEMPLATE, sampling, max_length=max(lengths) + 10).grow(tasks)
    assert [rollout.index for rollout in batch.rollouts] == [0, 2, 3]
    assert batch.num_skipped == 1


def test_openings_none_of_which_the_model_can_read_are_named() -> None:
    setup = counting()
    worker = RolloutWorker(setup, RandomWriter(), TEMPLATE, Sampling(), max_length=40)
    with pytest.raises(InvalidValueError, match="The model reads 40"):
        worker.grow(plans(setup, 0, 1))


class Aborting(RandomWriter):
    """Gives up the turns of some nodes, each as often as it is told.

    Args:
        times: How often by (tree, node).
    """

    def __init__(self, times: Mapping[Hashable, float]) -> None:
        super().__init__()
        self.times = dict(times)

    def _write(self, request: Request, sampling: Sampling) -> Completion:
        if self.times.get(request.session, 0) > 0:
            self.times[request.session] -= 1
            return Completion([1], [-1.0], CompletionEnd.ABORTED, [3])
        return super()._write(request, sampling)


def grown_with(engine: Engine, number: int) -> RolloutBatch:
    setup = counting()
    return RolloutWorker(setup, engine, TEMPLATE, Sampling()).grow(plans(setup, 7, number))


def test_a_turn_that_was_given_up_is_tried_again_with_the_same_draws() -> None:
    passing: dict[Hashable, float] = {(index, node): MAX_TRIES - 1 for index in range(4) for node in range(30)}
    assert batch_trees(grown_with(Aborting(passing), 4)) == batch_trees(grown_with(RandomWriter(), 4))


def batch_trees(batch: RolloutBatch) -> list[str]:
    return [rollout.tree.to_json() for rollout in batch.rollouts]


@settings(max_examples=25, deadline=None)
@given(lost=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 8)), max_size=8))
def test_an_engine_that_gives_up_a_node_ends_that_node_alone(lost: set[tuple[int, int]]) -> None:
    kept = {index for index in range(5) if not any(index == tree for tree, _ in lost)}
    assume(kept)
    whole, batch = grown_with(RandomWriter(), 5), grown_with(Aborting(dict.fromkeys(lost, inf)), 5)
    assert len(batch.rollouts) == 5
    for before, rollout in zip(whole.rollouts, batch.rollouts, strict=True):
        if rollout.index in kept:
            assert rollout.tree == before.tree
        unanswered = {node.id for node in rollout.tree.nodes if node.unanswered}
        assert unanswered == {
            node.id
            for node in rollout.tree.nodes
            if (rollout.index, node.id) in lost and node.stop_reason is StopReason.CRASHED
        }
        assert not unanswered & rollout.signals.by_node.keys()
        assert rollout.signals.num_excluded >= len(unanswered)
        for node in rollout.tree.nodes:
            if node.unanswered and node.parent is not None and node.parent.stop_reason is not StopReason.CANCELLED:
                assert any("Subagent failed: crashed" in message["content"] for message in node.parent.messages)
    num_unanswered = sum(node.unanswered for rollout in batch.rollouts for node in rollout.tree.nodes)
    assert rollout_metrics(batch)["tree/unanswered"] == num_unanswered


def test_a_root_that_was_given_up_counts_in_no_reward() -> None:
    batch = grown_with(Aborting({(1, 0): inf}), 3)
    lost = batch.rollouts[1]
    assert (lost.tree.root.stop_reason, lost.tree.root.signal) == (StopReason.CRASHED, None)
    assert "Aborting gave up a turn 3 times" in lost.tree.root.detail
    found = credit(batch.rollouts, CreditSettings(group_filter=GroupFilter.NONE))
    assert {credited.trajectory.rollout for credited in found.trajectories} == {0, 2}
    alone = credit([batch.rollouts[0], batch.rollouts[2]], CreditSettings(group_filter=GroupFilter.NONE))
    assert [one.advantage for one in found.trajectories] == [one.advantage for one in alone.trajectories]


def test_an_engine_that_gives_up_every_turn_ends_the_batch() -> None:
    with pytest.raises(ServerError, match="Aborting gave up a turn 3 times"):
        grown_with(Aborting({(index, 0): inf for index in range(2)}), 2)


class OtherEnd(RandomWriter):
    """Ends every turn with a token that ends turns, but not those of the template."""

    def _write(self, request: Request, sampling: Sampling) -> Completion:
        written = super()._write(request, sampling)
        ids = [*written.ids[: -1 if written.ended else None], TOKENIZER.pad_token_id]
        return Completion(ids, [-1.0] * len(ids), CompletionEnd.END_TOKEN, [3] * len(ids))


def test_the_template_ends_a_turn_that_another_token_ended() -> None:
    setup = counting(max_turns=4)
    batch = RolloutWorker(setup, OtherEnd(), TEMPLATE, Sampling()).grow(plans(setup, 0, 3))
    tokens = [trajectory.tokens_T for rollout in batch.rollouts for trajectory in rollout.trajectories]
    after = [int(one[place + 1]) for one in tokens for place in np.flatnonzero(one[:-1] == TOKENIZER.pad_token_id)]
    assert after
    assert set(after) == {TEMPLATE.end_id}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_window_counts_what_the_model_reads(seed: int) -> None:
    _, batch = grown(seed, 3)
    for rollout in batch.rollouts:
        assert rollout.tree.counter == "model"
        for trajectory in rollout.trajectories:
            node = rollout.tree.nodes[trajectory.node]
            if node.messages[-1]["role"] == "assistant":
                # a turn that was cut off is counted with the end that its reply would begin with
                assert 0 <= node.tokens - len(trajectory) <= 1


def test_every_token_knows_the_version_of_its_weights() -> None:
    _, batch = grown(4, 2)
    for rollout in batch.rollouts:
        for trajectory in rollout.trajectories:
            assert trajectory.versions_T.tolist() == [3 if written else 0 for written in trajectory.mask_T]


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


def test_a_task_whose_opening_the_window_cannot_hold_is_left_out_and_counted() -> None:
    setup = counting(window=2_000)
    tasks = plans(setup, 0, 4)
    record = replace(tasks[1].task.record, goal=f"Sum the numbers. {'Well. ' * 3_000}")
    tasks[1] = replace(tasks[1], task=replace(tasks[1].task, record=record))
    batch = RolloutWorker(setup, RandomWriter(), TEMPLATE, Sampling()).grow(tasks)
    assert [rollout.index for rollout in batch.rollouts] == [0, 2, 3]
    assert batch.num_skipped == 1
    with pytest.raises(WindowTooSmallError, match="window=2000 cannot hold the opening messages"):
        RolloutWorker(setup, RandomWriter(), TEMPLATE, Sampling()).grow([tasks[1]])
