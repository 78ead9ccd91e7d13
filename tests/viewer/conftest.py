from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from counting import Counting, scripted

from rao_gym.limits import Limits
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tree import ExecutionTree, Node, NodeStatus, StopReason, TaskRecord

PlayTree = Callable[[Mapping[str, Sequence[str]]], ExecutionTree]
BuildTree = Callable[[Sequence[int | None]], ExecutionTree]


@pytest.fixture
def play() -> PlayTree:
    """Play a script on a task of four numbers, 9 being the sum, with the tools form."""

    def play_tree(script: Mapping[str, Sequence[str]]) -> ExecutionTree:
        runtime = Runtime(Counting(), Limits(max_turns=4, window=None), "tools")
        runtime.reset(0, 2)
        policy = scripted(script)
        while not runtime.done:
            node = next(iter(runtime.ready))
            runtime.act(node, policy.act([turn_of(runtime, node)])[0])
        return runtime.tree

    return play_tree


@pytest.fixture
def build() -> BuildTree:
    """Build a finished tree of any size and shape from the parent of each node."""

    def build_tree(parents: Sequence[int | None]) -> ExecutionTree:
        record = TaskRecord(
            id="test:0",
            family="test/Counting-v0",
            seed=0,
            split="train",
            index=0,
            difficulty=1,
            goal="Sum the numbers.",
            answer=1,
            provenance="computed",
            parameters={},
        )
        nodes: list[Node] = []
        for number, place in enumerate(parents):
            parent = None if place is None else nodes[place]
            node = Node(
                id=number,
                parent=parent,
                position=0 if parent is None else len(parent.children),
                depth=0 if parent is None else parent.depth + 1,
                goal=f"Goal {number}.",
                arguments={},
                status=NodeStatus.ENDED,
                stop_reason=StopReason.FINISHED,
                value=number,
                signal=1.0,
                turns=1,
                tokens=10,
            )
            node.messages.append({"role": "assistant", "content": f"Text {number}."})
            if parent is not None:
                parent.children.append(node)
            nodes.append(node)
        return ExecutionTree(record, nodes)

    return build_tree
