from __future__ import annotations

import json
import pickle

from hypothesis import given
from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tree import ChatMessage, ExecutionTree, Node, NodeStatus, StopReason, TaskRecord

RECORD = TaskRecord(
    id="test:0",
    family="test/Counting-v0",
    seed=0,
    split="train",
    index=0,
    difficulty=1,
    goal="Sum the numbers.",
    answer=3,
    provenance="computed",
    parameters={"size": 2},
)


def grow(parents: list[int], turns: list[int], waves: list[int], value: JSON = None) -> ExecutionTree:
    """Build an ended tree from each later node's parent id."""
    nodes = [Node(id=0, parent=None, position=0, depth=0, goal="root", arguments={})]
    for parent_id in parents:
        parent = nodes[parent_id]
        node = Node(
            id=len(nodes),
            parent=parent,
            position=len(parent.children),
            depth=parent.depth + 1,
            goal=f"goal {len(nodes)}",
            arguments={"start": 1},
        )
        parent.children.append(node)
        nodes.append(node)
    for node, num_turns, wave in zip(nodes, turns, [0, *waves], strict=True):
        node.turns, node.wave, node.value = num_turns, wave, value
        node.status, node.stop_reason, node.signal = NodeStatus.ENDED, StopReason.FINISHED, 1.0
        node.messages.append(ChatMessage(role="user", content=node.goal))
    return ExecutionTree(RECORD, nodes)


def test_names_are_paths() -> None:
    tree = grow([0, 0, 2, 2, 4], [1] * 6, [0] * 5)
    assert [node.name for node in tree.nodes] == ["root", "root.0", "root.1", "root.1.0", "root.1.1", "root.1.1.0"]
    assert [node.name for node in tree.walk()] == [node.name for node in tree.nodes]
    assert (tree.depth, tree.turns, len(tree)) == (3, 6, 6)


def test_walk_is_depth_first() -> None:
    tree = grow([0, 0, 1], [1] * 4, [0] * 3)
    assert [node.name for node in tree.walk()] == ["root", "root.0", "root.0.0", "root.1"]


def test_the_critical_path_adds_waves_and_takes_the_slowest_child_of_each() -> None:
    # The root (2 turns) launches children of 3 and 5 turns at once, then one of 4 turns, which launches one of 7.
    tree = grow([0, 0, 0, 3], [2, 3, 5, 4, 7], [0, 0, 1, 0])
    assert tree.critical_path() == 2 + max(3, 5) + (4 + 7)
    assert tree.turns == 21


def test_a_lone_root_is_its_own_critical_path() -> None:
    assert grow([], [4], []).critical_path() == 4


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.integers(0, 30), max_size=30), json_values)
def test_trees_round_trip_through_json(choices: list[int], value: JSON) -> None:
    parents = [choice % (position + 1) for position, choice in enumerate(choices)]
    tree = grow(parents, [1] * (len(parents) + 1), [0] * len(parents), value)
    text = tree.to_json()
    assert "\n" not in text.replace("\\n", "")
    again = ExecutionTree.from_json(text)
    assert again == tree
    assert again.to_json() == text
    assert [node.name for node in again.walk()] == [node.name for node in tree.walk()]
    assert [node.parent.id if node.parent else None for node in again.nodes] == [None, *parents]
    assert pickle.loads(pickle.dumps(tree)) == tree


def test_a_chain_of_many_nodes_needs_no_recursion() -> None:
    depth = 5_000
    tree = grow(list(range(depth)), [1] * (depth + 1), [0] * depth)
    assert tree.critical_path() == depth + 1
    assert ExecutionTree.from_json(tree.to_json()) == tree
    assert len(pickle.loads(pickle.dumps(tree))) == depth + 1


def test_trees_that_differ_are_not_equal() -> None:
    tree, other = grow([0], [1, 1], [0]), grow([0], [1, 2], [0])
    assert tree != other
    assert tree != json.loads(tree.to_json())
    assert repr(tree) == "ExecutionTree('test:0', 2 nodes, root finished)"
    assert repr(tree.root) == "Node('root', finished)"


def test_whether_a_node_is_a_part_is_kept_and_unknown_in_trees_that_do_not_say() -> None:
    tree = grow([0, 0, 0, 0], [1] * 5, [0] * 4)
    for node, part in zip(tree.nodes[1:], [True, False, None, 0.25], strict=True):
        node.part = part
    assert [node.part for node in ExecutionTree.from_json(tree.to_json()).nodes] == [None, True, False, None, 0.25]
    assert '"part"' not in grow([0], [1] * 2, [0]).to_json()
