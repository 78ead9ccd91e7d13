"""Demonstrations: who acts in them, and what is learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from counting import Counting, Numbers

from rao_gym import make_setup
from rao_gym.errors import InvalidValueError, PolicyError, ServerError, UnknownNameError, WindowTooSmallError
from rao_gym.policies.base import Turn
from rao_gym.registry import setup_of
from rao_gym.tasks.arithmetic.family import Arithmetic
from rao_gym.tasks.base import Task
from rao_gym.tasks.world import World
from rao_gym.tree import ChatMessage, ExecutionTree, StopReason
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings
from rao_train.models.tiny import TinyModelSettings, build_model, build_tokenizer
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.warm_start import WarmStartStage
from rao_train.run.warm_start import demonstrate, sequence_of, sequences_of

ARITHMETIC = make_setup("rao/Arithmetic-v0", kind="modular", max_depth=None, window=None)
DIRECT = "rao_gym.tasks.arithmetic:DirectPolicy"
EAGER = "rao_gym.tasks.arithmetic:EagerPolicy"


def stage(**changes: object) -> WarmStartStage:
    values = {"name": "test", "steps": 1, "demonstrations": 40, "difficulties": {2: 1.0}} | changes
    return WarmStartStage(**values)  # type: ignore[arg-type]


def texts_of(trees: list[ExecutionTree]) -> list[str]:
    return [
        message["content"]
        for tree in trees
        for node in tree.nodes
        for message in node.messages
        if message["role"] != "system"
    ]


def test_the_reference_solves_every_demonstration() -> None:
    trees = demonstrate(ARITHMETIC, stage(), (0,))
    assert len(trees) == 40
    assert all(tree.root.signal == 1.0 and tree.root.children for tree in trees)
    assert all(tree.task.split == "train" for tree in trees)


def test_each_agent_follows_one_policy_of_the_mixture() -> None:
    trees = demonstrate(ARITHMETIC, stage(demonstrations=200, policies={"reference": 0.5, DIRECT: 0.5}), (0,))
    share = np.mean([bool(tree.root.children) for tree in trees])
    assert 0.35 < share < 0.65
    assert all(tree.root.turns == (2 if tree.root.children else 1) for tree in trees)


def test_eager_agents_launch_every_operand_and_bear_refusals() -> None:
    trees = demonstrate(ARITHMETIC, stage(difficulties={2: 0.5, 3: 0.5}, policies={EAGER: 1.0}), (0,))
    assert all(tree.root.signal == 1.0 for tree in trees)
    assert any(node.refusals for tree in trees for node in tree.nodes)
    for node in (node for tree in trees for node in tree.nodes if node.turns > 1):
        assert len(node.children) + node.refusals == 2


def test_demonstrations_are_a_function_of_the_seed() -> None:
    same = [demonstrate(ARITHMETIC, stage(policies={"reference": 1, DIRECT: 1}), (seed,)) for seed in (0, 0, 1)]
    assert same[0] == same[1]
    assert same[0] != same[2]


def test_the_window_is_counted_in_the_tokens_of_the_model_that_learns() -> None:
    (tree,) = demonstrate(ARITHMETIC, stage(demonstrations=1), (0,))
    tokenizer: Any = build_tokenizer(texts_of([tree]), 600)
    template = TurnTemplate(tokenizer)
    (counted,) = demonstrate(ARITHMETIC, stage(demonstrations=1), (0,), counter=ModelTokens(template))
    assert (tree.counter, counted.counter) == ("approximate", "model")
    lengths = [len(sequence.tokens_T) for sequence in sequences_of(counted, template)]
    assert [node.tokens for node in counted.nodes] == lengths
    narrow = setup_of(Arithmetic, kind="modular", max_depth=None, window=max(lengths) - 1)
    (cut,) = demonstrate(narrow, stage(demonstrations=1), (0,), counter=ModelTokens(template))
    assert StopReason.OUT_OF_WINDOW in {node.stop_reason for node in cut.nodes}


def longer_when_harder(text: str) -> int:
    """Count one token, and many more for an expression of four operations."""
    return 1_000 if sum(map(text.count, "+-*")) == 4 else 1


def test_demonstrations_whose_opening_fits_no_window_are_left_out() -> None:
    options: dict[str, Any] = {"kind": "modular", "window": 100, "count_tokens": longer_when_harder}
    setup = setup_of(Arithmetic, **options)
    mixed = stage(difficulties={2: 0.5, 3: 0.5}, demonstrations=40)
    trees = demonstrate(setup, mixed, (0,))
    assert 10 < len(trees) < 40
    assert {longer_when_harder(tree.root.messages[1]["content"]) for tree in trees} == {1}
    assert demonstrate(setup, mixed, (0,)) == trees
    with pytest.raises(WindowTooSmallError, match="window=1 cannot hold the opening messages"):
        demonstrate(setup_of(Arithmetic, kind="modular", window=1), mixed, (0,))


class Shelf(World):
    """Remembers whether it was closed."""

    opened: ClassVar[list[Shelf]] = []

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.opened.append(self)

    def close(self) -> None:
        self.closed = True


class Shared(Counting):
    """Agents share a world."""

    def open_world(self, task: Task[Numbers]) -> World:
        return Shelf()


class Broken:
    """Raises on its second turn."""

    error: Exception = KeyError("lost")
    num_turns = 0

    def act(self, turns: Sequence[Turn]) -> list[str]:
        self.num_turns += 1
        if self.num_turns == 2:
            raise self.error
        return ["thinking" for _ in turns]


class Unreachable(Broken):
    """Stands for a server that is gone."""

    error = ServerError("nobody there")


@pytest.mark.parametrize(
    ("policy", "message"),
    [(Broken, r"^The policy raised KeyError: 'lost' \(test_warm_start.py"), (Unreachable, "^nobody there$")],
)
def test_a_policy_that_raises_is_named_and_leaves_no_world_open(policy: type[Broken], message: str) -> None:
    Shelf.opened.clear()
    setup = setup_of(Shared, actions="tools")
    with pytest.raises(PolicyError, match=message):
        demonstrate(setup, stage(policies={f"{__name__}:{policy.__name__}": 1.0}), (0,))
    assert [world.closed for world in Shelf.opened] == [True]


def test_unknown_policies_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'reference'"):
        demonstrate(ARITHMETIC, stage(policies={"refrence": 1.0}), (0,))


def test_the_actions_are_learned_and_nothing_else() -> None:
    trees = demonstrate(ARITHMETIC, stage(policies={EAGER: 1.0}), (0,))
    tokenizer: Any = build_tokenizer(texts_of(trees), 600)
    template = TurnTemplate(tokenizer)
    for tree in trees:
        sequences = sequences_of(tree, template)
        assert len(sequences) == len(tree)
        for node, sequence in zip(tree.nodes, sequences, strict=True):
            actions = [message["content"] for message in node.messages if message["role"] == "assistant"]
            learned = tokenizer.decode(sequence.tokens_T[sequence.mask_T].tolist())
            assert learned == "".join(f"{action}<|end|>" for action in actions)
            assert tokenizer.decode(sequence.tokens_T.tolist()) == tokenizer.apply_chat_template(
                node.messages, tokenize=False
            )


def test_constant_wording_becomes_single_tokens() -> None:
    trees = demonstrate(ARITHMETIC, stage(demonstrations=100), (0,))
    tokenizer = build_tokenizer(texts_of(trees), 1024)
    frame = '<tool_call>{"name": "finish", "arguments": {"answer": '
    assert len(tokenizer.encode(frame, add_special_tokens=False)) == 1
    assert len(tokenizer.encode("(12*7)", add_special_tokens=False)) == 5
    assert tokenizer.decode(tokenizer.encode("Grüße, 你好! 4821", add_special_tokens=False)) == "Grüße, 你好! 4821"


def test_a_transcript_without_actions_teaches_nothing() -> None:
    template = TurnTemplate(build_tokenizer(["Goal."], 400))
    with pytest.raises(InvalidValueError, match="at least one action"):
        sequence_of([ChatMessage(role="system", content=""), ChatMessage(role="user", content="Goal.")], template)


def test_a_model_learns_from_demonstrations() -> None:
    trees = demonstrate(ARITHMETIC, stage(demonstrations=20, difficulties={1: 1.0}), (0,))
    tokenizer = build_tokenizer(texts_of(trees), 600)
    sequences = [sequence for tree in trees for sequence in sequences_of(tree, TurnTemplate(tokenizer))]
    model = build_model(TinyModelSettings(layers=1, width=32, heads=2, hidden=32), tokenizer, seed=0)
    learner = Learner(model, LearnerSettings(learning_rate=1e-2))
    losses = [learner.supervised_step(sequences).loss for _ in range(40)]
    assert losses[-1] < losses[0] / 5
