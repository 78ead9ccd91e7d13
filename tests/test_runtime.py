"""The state machine: order, limits, budgets, cancellation and scale."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from counting import Counting
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.actions import write_call
from rao_gym.errors import InvalidValueError, UnknownNameError, UsageError, WindowTooSmallError
from rao_gym.limits import Limits, TextCounter
from rao_gym.rewards import success_signals
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ExecutionTree, Node, NodeStatus, StopReason

Numbers = tuple[int, ...]


def call(name: str, **arguments: Any) -> str:
    return write_call(name, **arguments)


def launch(start: int = 0, end: int = 1, goal: str = "Sum the numbers.") -> str:
    return call("launch_subagent", goal=goal, start=start, end=end)


def new(limits: Limits | None = None, **options: Any) -> Runtime[Numbers]:
    runtime = Runtime(Counting(), limits, "tools", **options)
    runtime.reset(seed=0, difficulty=3)
    return runtime


def test_contexts_are_separate() -> None:
    runtime = new()
    root = runtime.tree.root
    runtime.act(root, "a secret of the parent " + launch(2, 4))
    child = root.children[0]
    assert "secret" not in json.dumps(child.messages)
    assert child.goal == "Sum the numbers."
    assert child.arguments == {"start": 2, "end": 4}
    assert child.messages[0] == root.messages[0]
    assert "There are 2." in child.messages[1]["content"]
    runtime.act(child, "a secret of the child " + call("peek", index=0))
    runtime.act(child, call("finish", answer=sum(runtime.task.context[2:4])))
    assert "secret of the child" not in json.dumps(root.messages)
    assert child.signal == 1.0


def test_ready_nodes_take_turns_in_the_order_in_which_they_became_ready() -> None:
    runtime = new()
    runtime.act(runtime.tree.root, launch(0, 1) + launch(1, 2) + launch(2, 3))
    first, second, third = runtime.tree.root.children
    assert list(runtime.ready) == [first, second, third]
    assert runtime.tree.root.status is NodeStatus.WAITING
    runtime.act(first, call("peek", index=0))
    assert list(runtime.ready) == [second, third, first]


def test_a_policy_that_edits_its_messages_leaves_the_tree_as_it_is() -> None:
    runtime = new()
    before = runtime.tree.to_json()
    messages = turn_of(runtime, runtime.tree.root).messages
    assert json.dumps(messages) == json.dumps([dict(message) for message in messages])
    edits: tuple[Callable[[Any], object], ...] = (
        lambda message: message.update(content="Other rules."),
        lambda message: message.__setitem__("content", "Other rules."),
        lambda message: message.pop("content"),
        lambda message: message.clear(),
        lambda message: message.setdefault("name", "Eve"),
    )
    for edit in edits:
        with pytest.raises(TypeError, match=r"read-only\. Edit a copy, such as dict\(message\)"):
            edit(messages[0])
    assert isinstance(messages, list)
    messages[0] = {**messages[0], "content": "Other rules."}
    messages.clear()
    assert runtime.tree.to_json() == before


def test_only_ready_nodes_act() -> None:
    runtime = new()
    root = runtime.tree.root
    runtime.act(root, launch())
    with pytest.raises(UsageError, match="not ready"):
        runtime.act(root, "x")
    runtime.act(root.children[0], call("finish", answer=0))
    with pytest.raises(UsageError, match="not ready"):
        runtime.act(root.children[0], "x")
    with pytest.raises(UsageError, match="reset"):
        _ = Runtime(Counting()).tree


def test_limits_refuse_launches_as_messages() -> None:
    for limits, words in [
        (Limits(max_depth=0), "the maximum depth of 0 is reached"),
        (Limits(max_nodes=1), "the tree has 1 agents"),
        (Limits(max_subtree_turns=2), "too few turns are left to share"),
    ]:
        runtime = new(limits)
        runtime.act(runtime.tree.root, launch())
        assert "Launch refused: " in runtime.tree.root.messages[-1]["content"]
        assert words in runtime.tree.root.messages[-1]["content"]
        assert (len(runtime.tree), runtime.tree.root.refusals) == (1, 1)


def test_turns_run_out() -> None:
    runtime = new(Limits(max_turns=2))
    root = runtime.tree.root
    runtime.act(root, "junk")
    assert runtime.limits_left(root).turns == 1
    runtime.act(root, "junk")
    assert (root.stop_reason, root.signal, root.value) == (StopReason.OUT_OF_TURNS, 0.0, None)
    assert runtime.done


def test_a_last_turn_that_launches_still_gets_its_children_and_then_runs_out() -> None:
    runtime = new(Limits(max_turns=1))
    root = runtime.tree.root
    runtime.act(root, launch())
    assert root.status is NodeStatus.WAITING
    runtime.act(root.children[0], call("finish", answer=1))
    assert root.stop_reason is StopReason.OUT_OF_TURNS


def test_turns_of_a_subtree_are_reserved_and_what_is_left_returns() -> None:
    runtime = new(Limits(max_subtree_turns=10, max_turns=None))
    root = runtime.tree.root
    runtime.act(root, launch(0, 1) + launch(1, 2))
    first, second = root.children
    assert runtime.limits_left(first).turns == runtime.limits_left(second).turns == 3  # 9 left, three shares
    assert runtime.limits_left(root).turns == 3
    runtime.act(first, call("finish", answer=1))
    for _ in range(3):
        runtime.act(second, "junk")
    assert second.stop_reason is StopReason.OUT_OF_TURNS
    assert runtime.limits_left(root).turns == 3 + 2


def test_an_action_longer_than_the_window_ends_the_node_and_is_not_carried_out() -> None:
    runtime = new(Limits(window=600))
    root = runtime.tree.root
    runtime.act(root, "x" * 5_000 + launch())
    assert (root.stop_reason, len(runtime.tree)) == (StopReason.OUT_OF_WINDOW, 1)


def test_a_child_whose_opening_is_longer_than_the_window_is_refused(sandbox: Sandbox) -> None:
    runtime = Runtime(Counting(), Limits(window=800, max_subtree_turns=20), "python", sandbox=sandbox)
    root = runtime.reset(seed=0)
    runtime.act(root, "```python\nprint(await launch_subagent('x' * 5000, 0, 1))\n```")
    seen = root.messages[-1]["content"]
    assert "Launch refused: the sub-agent's opening messages would take " in seen
    assert "and its window holds 800. Give it a shorter goal." in seen
    assert (len(runtime.tree), root.children, root.refusals) == (1, [], 1)
    assert runtime.limits_left(root).turns == 19
    assert list(runtime.ready) == [root]


def test_a_node_without_an_answer_ends_without_a_signal_and_its_parent_goes_on() -> None:
    runtime = new()
    root = runtime.tree.root
    runtime.act(root, launch())
    (child,) = root.children
    with pytest.raises(UsageError, match="is not ready"):
        runtime.fail(root, "no answer")
    runtime.fail(child, "no answer")
    assert (child.stop_reason, child.signal, child.unanswered) == (StopReason.CRASHED, None, True)
    assert "Subagent failed: crashed (no answer)" in root.messages[-1]["content"]
    assert list(runtime.ready) == [root]
    assert ExecutionTree.from_json(runtime.tree.to_json()).nodes[1].unanswered
    assert success_signals(runtime.tree).num_excluded == 1


def test_a_goal_that_is_far_too_long_is_refused_without_a_tokenizer(sandbox: Sandbox) -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text) // 4

    runtime = Runtime(Counting(), Limits(window=800), "python", counter=TextCounter(count), sandbox=sandbox)
    root = runtime.reset(seed=0)
    runtime.act(root, "```python\nprint(await launch_subagent('x' * 500_000, 0, 1))\n```")
    assert "would take 125,0" in root.messages[-1]["content"]
    assert max(counted) < 10_000


def test_a_window_that_cannot_hold_the_opening_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(WindowTooSmallError, match="window=50 cannot hold the opening messages, which take"):
        new(Limits(window=50))


def test_the_token_counter_can_be_replaced() -> None:
    runtime = new(counter=TextCounter(lambda text: len(text.split())))
    root = runtime.tree.root
    assert root.tokens == sum(len(message["content"].split()) for message in root.messages)


def test_the_token_budget_of_the_tree_ends_everything() -> None:
    runtime = new(Limits(max_tree_tokens=1_500))
    root = runtime.tree.root
    while not runtime.done:
        runtime.act(next(iter(runtime.ready)), launch() + launch())
    assert root.stop_reason is StopReason.OUT_OF_BUDGET
    assert {node.stop_reason for node in runtime.tree.nodes[1:]} == {StopReason.CANCELLED}
    assert list(runtime.ready) == []


def test_unfinished_descendants_are_cancelled_when_a_tree_is_abandoned() -> None:
    runtime = new()
    runtime.act(runtime.tree.root, launch(0, 4) + launch(4, 8))
    runtime.act(runtime.tree.root.children[0], launch(0, 1))
    tree = runtime.tree
    runtime.reset(seed=1)
    assert [node.stop_reason for node in tree.nodes] == [StopReason.CANCELLED] * 4
    assert list(runtime.ready) == [runtime.tree.root]


def test_goals_that_nothing_verifies_are_unknown() -> None:
    runtime = new()
    runtime.act(runtime.tree.root, launch(goal="Guess."))
    child = runtime.tree.root.children[0]
    runtime.act(child, call("finish", answer=1))
    assert (child.stop_reason, child.signal) == (StopReason.FINISHED, None)


@pytest.mark.parametrize("action", [None, b"bytes", 3, ["list"]])
def test_an_action_that_is_not_text_costs_a_turn(action: object) -> None:
    runtime = new()
    root = runtime.tree.root
    runtime.act(root, action)
    assert root.messages[-1]["content"] == f"Error: an action is text, not {type(action).__name__}."
    assert root.turns == 1


def test_a_turn_that_was_cut_off_is_told_so_and_half_a_call_does_not_run() -> None:
    runtime = new(Limits(max_turns=3))
    root = runtime.tree.root
    runtime.act(root, call("finish", answer=1).removesuffix("}</tool_call>"), truncated=True)
    seen = root.messages[-1]["content"]
    assert "Your turn was cut off after about" in seen
    assert "Write shorter turns" in seen
    assert not root.ended
    runtime.act(root, call("peek", index=0))
    assert "cut off" not in root.messages[-1]["content"]


def test_a_turn_that_was_cut_off_still_runs_what_it_finished() -> None:
    runtime = new()
    root = runtime.tree.root
    runtime.act(root, launch(0, 1) + "and then I", truncated=True)
    (child,) = root.children
    runtime.act(child, call("finish", answer=1) + "and", truncated=True)
    assert child.stop_reason is StopReason.FINISHED
    assert "cut off" in root.messages[-1]["content"]


def test_half_a_cell_does_not_run(sandbox: Sandbox) -> None:
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0)
    runtime.act(root, "```python\nfinish(1)\nprint(", truncated=True)
    assert "no action found" in root.messages[-1]["content"]
    assert "cut off" in root.messages[-1]["content"]
    runtime.act(root, "```python\nfinish(1)\n```\nNow", truncated=True)
    assert root.value == 1


def test_unknown_action_forms_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'python'"):
        Runtime(Counting(), actions="pyhton")
    with pytest.raises(InvalidValueError, match="difficulty must be an integer of at least 1, got 0"):
        Runtime(Counting()).reset(seed=0, difficulty=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        Runtime(Counting()).reset(seed=0, split="trian")


def act_at_random(limits: Limits, seed: int, order: random.Random | None = None) -> ExecutionTree:
    """Play a tree in which each agent's actions are a function of its name and turn alone."""
    runtime = new(limits)
    while not runtime.done:
        ready = list(runtime.ready)
        node = ready[0] if order is None else order.choice(ready)
        dice = random.Random(f"{seed}/{node.name}/{node.turns}")
        choice = dice.random()
        if choice < 0.45:
            runtime.act(
                node, "".join(launch(dice.randrange(-1, 3), dice.randrange(4)) for _ in range(dice.randint(1, 3)))
            )
        elif choice < 0.8:
            runtime.act(node, call("finish", answer=dice.randrange(20)))
        else:
            runtime.act(node, dice.choice(["junk", call("peek", index=0), call("nope")]))
    return runtime.tree


def by_name(tree: ExecutionTree) -> dict[str, tuple[Any, ...]]:
    return {
        node.name: (node.goal, node.stop_reason, node.value, node.signal, node.turns, node.wave, str(node.messages))
        for node in tree.nodes
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_transcripts_do_not_depend_on_the_order_in_which_ready_nodes_act(seed: int, order: int) -> None:
    limits = Limits(max_depth=3, max_turns=4, max_children=4, max_nodes=None)
    assert by_name(act_at_random(limits, seed)) == by_name(act_at_random(limits, seed, random.Random(order)))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 3),
    st.integers(1, 5),
    st.integers(1, 12),
    st.integers(1, 12),
    st.none() | st.integers(1, 30),
)
def test_no_limit_is_ever_exceeded(
    seed: int, depth: int, turns: int, children: int, nodes: int, subtree_turns: int | None
) -> None:
    limits = Limits(
        max_depth=depth,
        max_turns=turns,
        max_children=children,
        max_nodes=nodes,
        max_subtree_turns=subtree_turns,
        window=2_000,
    )
    tree = act_at_random(limits, seed)
    assert tree.depth <= depth
    assert len(tree) <= nodes
    for node in tree.nodes:
        assert node.ended
        assert node.stop_reason is not None
        assert node.turns <= turns
        assert len(node.children) <= children
        assert (node.signal is None) <= (node.stop_reason is StopReason.FINISHED)
        if node.stop_reason is not StopReason.OUT_OF_WINDOW:
            assert node.tokens <= 2_000
        if node.ended and node.parent is not None and node.parent.stop_reason is not StopReason.FINISHED:
            assert node.stop_reason is not None
    if subtree_turns is not None:
        assert tree.turns <= subtree_turns


def test_deep_chains_need_no_recursion() -> None:
    runtime = new(Limits(max_depth=None, max_nodes=None))
    depth = 3_000
    node: Node = runtime.tree.root
    for _ in range(depth):
        runtime.act(node, launch(0, 1))
        node = next(iter(runtime.ready))
    assert node.depth == depth
    runtime.reset(seed=0)
    assert runtime.tree.root.status is NodeStatus.READY


def test_wide_trees_are_legitimate() -> None:
    runtime = new(Limits(max_children=None, max_nodes=None, max_turns=None, window=None))
    root = runtime.tree.root
    runtime.act(root, launch() * 10_000)
    assert len(runtime.ready) == 10_000
    for child in list(runtime.ready):
        runtime.act(child, call("finish", answer=1))
    assert list(runtime.ready) == [root]
    assert len(runtime.tree) == 10_001
