from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from rao_gym.errors import InvalidValueError
from rao_gym.tree import ExecutionTree
from rao_gym.viewer import tree_as_text

Play = Callable[[Mapping[str, Sequence[str]]], ExecutionTree]
Build = Callable[[Sequence[int | None]], ExecutionTree]

LAUNCH = '<tool_call>{"name": "launch_subagent", "arguments": {"goal": "%s", "start": 0, "end": 2}}</tool_call>'
FINISH = '<tool_call>{"name": "finish", "arguments": {"answer": %s}}</tool_call>'


def test_shows_every_node_below_its_parent(play: Play) -> None:
    tree = play(
        {
            "root": [LAUNCH % "Sum the numbers." + LAUNCH % "Guess.", FINISH % "[1, 2]"],
            "root.0": [FINISH % "-1"],
            "root.1": [FINISH % '"a guess"'],
        }
    )
    lines = tree_as_text(tree).splitlines()
    tokens = [f"{node.tokens:,} tokens" for node in tree.nodes]
    assert lines == [
        f"root  finished  s̃=0.00  2 turns  {tokens[0]}  Sum the numbers. → [1, 2]",
        f"  root.0  finished  s̃=0.00  1 turn  {tokens[1]}  Sum the numbers. → -1",
        f"  root.1  finished  s̃=?  1 turn  {tokens[2]}  Guess. → a guess",
    ]


def test_says_why_nodes_failed(play: Play) -> None:
    tree = play({"root": [LAUNCH % "Sum the numbers.", FINISH % "0"], "root.0": []})
    assert "  root.0  out_of_turns  s̃=0.00  4 turns" in tree_as_text(tree)


def test_keeps_hostile_text_on_one_line_and_short(play: Play) -> None:
    goal = "\\u001b[2J\\u202e\\ud800 x\\ny" + "z" * 500
    tree = play({"root": [LAUNCH % goal, FINISH % "0"], "root.0": [FINISH % "0"]})
    line = tree_as_text(tree, max_chars=30).splitlines()[1]
    assert line.isprintable()
    assert len(line) < 120
    assert "x y" in line


@pytest.mark.parametrize("max_nodes", [1, 2, 7, 100, None])
def test_shows_the_nodes_launched_first_and_counts_the_rest(build: Build, max_nodes: int | None) -> None:
    parents = [None, 0, 0, 1, 1, 2, 0, 6, 6, 6, 3]
    lines = tree_as_text(build(parents), max_nodes=max_nodes).splitlines()
    num_shown = min(max_nodes or len(parents), len(parents))
    shown = [line for line in lines if "finished" in line]
    hidden = [int(line.split()[1]) for line in lines if "more launched by" in line]
    assert [line.split("Goal ")[1].split(".")[0] for line in sorted(shown, key=lambda line: int(line.split()[-1]))] == [
        str(number) for number in range(num_shown)
    ]
    first_hidden = [parent for parent in parents[num_shown:] if parent is not None and parent < num_shown]
    assert sum(hidden) == len(first_hidden)
    assert (f"({num_shown:,} of {len(parents):,} nodes shown)" in lines) == (num_shown < len(parents))


def test_copes_with_wide_and_deep_trees(build: Build) -> None:
    wide = tree_as_text(build([None] + [0] * 99_999))
    assert len(wide.splitlines()) == 202
    deep = tree_as_text(build([None, *range(4_999)]), max_nodes=1_000)
    assert len(deep.splitlines()) == 1_002
    assert max(len(line) for line in deep.splitlines()) < 300


def test_limits_must_be_positive(build: Build) -> None:
    with pytest.raises(InvalidValueError, match="max_nodes must be at least 1, got 0"):
        tree_as_text(build([None]), max_nodes=0)


def test_marks_children_whose_work_is_no_part_of_their_parents(build: Build) -> None:
    tree = build([None, 0, 0])
    tree.nodes[1].part, tree.nodes[2].part = True, False
    assert ["no part" in line for line in tree_as_text(tree).splitlines()] == [False, False, True]
