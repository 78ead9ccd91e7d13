"""The arithmetic family as agents play it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rao_gym
from rao_gym.actions import write_call as call
from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.policies.base import Policy
from rao_gym.runtime import turn_of
from rao_gym.tasks.arithmetic import (
    Arithmetic,
    DirectPolicy,
    HeedlessPolicy,
    NotingPolicy,
    Problem,
    RecursivePolicy,
)
from rao_gym.tasks.arithmetic.expressions import evaluate, parse, render
from rao_gym.tasks.arithmetic.policies import SKILL_COLUMNS
from rao_gym.tasks.base import Task
from rao_gym.tree import ExecutionTree

ID = "rao/Arithmetic-v0"
KINDS = ("tree", "chain", "digits", "modular")


def play(policy: Policy, difficulties: Sequence[int], episodes: int = 1, **options: Any) -> list[ExecutionTree]:
    """Play episodes of each difficulty and return their trees."""
    keys = [
        TaskKey(seed=3, split="test", index=index, difficulty=difficulty)
        for difficulty in difficulties
        for index in range(episodes)
    ]
    rollouts = run_rollouts(policy, rao_gym.make_setup(ID, **options), keys)
    return [rollout.tree for rollout in rollouts if rollout.tree is not None]


def task(goal: str, kind: str = "tree", modulus: int | None = None) -> Task[Problem]:
    """Return a task with the user's own expression."""
    family = Arithmetic(kind=kind)
    expression = parse(goal, modulus)
    record = replace(family.sample(0, "train", 0, 1).record, goal=goal)
    return Task(record=record, context=Problem(expression=expression, value=evaluate(expression, modulus)))


def converse(goal: str, script: Mapping[str, Sequence[str]], kind: str = "tree", **limits: Any) -> ExecutionTree:
    """Play a script on the user's own expression; an agent that has no line left answers 0."""
    setup = rao_gym.make_setup(ID, kind=kind, **limits)
    runtime = setup.runtime()
    runtime.start(task(goal, kind, 13 if kind == "modular" else None))
    while not runtime.done:
        node = next(iter(runtime.ready))
        lines = script.get(node.name, ())
        runtime.act(node, lines[node.turns] if node.turns < len(lines) else call("finish", answer=0))
    return runtime.tree


def converse_with(policy: Policy, goal: str, kind: str) -> ExecutionTree:
    """Let a policy play the user's own expression."""
    runtime = rao_gym.make_setup(ID, kind=kind).runtime()
    runtime.start(task(goal, kind, 13 if kind == "modular" else None))
    while not runtime.done:
        node = next(iter(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    return runtime.tree


def replies(tree: ExecutionTree, name: str = "root") -> list[str]:
    """Return what an agent was answered."""
    node = next(node for node in tree.nodes if node.name == name)
    return [message["content"] for message in node.messages[3::2]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_solves_every_task(kind: str) -> None:
    trees = play(Arithmetic(kind=kind).reference_policy(), range(1, 11), episodes=3, kind=kind)
    assert [tree.root.signal for tree in trees] == [1.0] * 30
    assert all(node.signal == 1.0 for tree in trees for node in tree.nodes)
    assert all(node.refusals == 0 for tree in trees for node in tree.nodes)


def test_the_reference_solves_full_trees() -> None:
    (tree,) = play(RecursivePolicy(), [8], shape="balanced")
    assert tree.root.signal == 1.0
    assert len(tree) == 2**8 - 1
    assert max(node.depth for node in tree.nodes) == 7


@pytest.mark.parametrize("kind", KINDS)
def test_goals_that_are_written_out_are_solved_as_well(kind: str) -> None:
    skill = SKILL_COLUMNS if kind == "digits" else None
    trees = play(RecursivePolicy(skill_columns=skill, written=True), [1, 2, 3, 5, 7], episodes=2, kind=kind)
    assert all(node.signal == 1.0 and not node.arguments for tree in trees for node in tree.nodes)
    assert max(len(tree) for tree in trees) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_agent_solves_short_expressions_and_runs_out_of_turns_on_long_ones(kind: str) -> None:
    policy = Arithmetic(kind=kind).single_policy()
    assert {tree.root.signal for tree in play(policy, [1], episodes=5, kind=kind, recursive=False)} == {1.0}
    trees = play(policy, [10], episodes=5, kind=kind, recursive=False)
    assert {tree.root.stop_reason for tree in trees} == {rao_gym.StopReason.OUT_OF_TURNS}
    patient = play(policy, [4], episodes=5, kind=kind, recursive=False, max_turns=None, window=None)
    assert {tree.root.signal for tree in patient} == {1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_depth_limit_the_reference_works_on_alone(kind: str) -> None:
    trees = play(
        Arithmetic(kind=kind).reference_policy(), [4], episodes=4, kind=kind, max_depth=1, max_turns=None, window=None
    )
    assert {tree.root.signal for tree in trees} == {1.0}
    assert {node.depth for tree in trees for node in tree.nodes} == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_grow_identical_trees(kind: str) -> None:
    first, second = (play(Arithmetic(kind=kind).reference_policy(), [4], episodes=3, kind=kind) for _ in range(2))
    assert [tree.to_json() for tree in first] == [tree.to_json() for tree in second]


def test_direct_answers_are_right_for_single_operations_and_guesses_for_the_rest() -> None:
    assert {tree.root.signal for tree in play(DirectPolicy(0), [1], episodes=40, kind="modular")} == {1.0}
    trees = play(DirectPolicy(0), [3], episodes=200, kind="modular")
    assert all(tree.root.turns == 1 and len(tree) == 1 for tree in trees)
    assert {tree.root.value for tree in trees} == set(range(13))
    assert 4 <= sum(tree.root.signal or 0 for tree in trees) <= 32  # 15.4 expected by chance
    assert [tree.to_json() for tree in play(DirectPolicy(0), [3], kind="modular")] == [trees[0].to_json()]
    others = play(DirectPolicy(1), [3], episodes=200, kind="modular")
    assert [tree.root.value for tree in others] != [tree.root.value for tree in trees]


def test_the_heedless_policy_launches_whatever_the_expression_and_pays_for_launches_in_vain() -> None:
    single = converse_with(HeedlessPolicy(), "3+4", kind="modular")
    assert (single.root.refusals, single.root.value) == (2, 4)
    nested = converse_with(HeedlessPolicy(), "(3+4)*(1-2)", kind="modular")
    assert [child.goal for child in nested.root.children] == ["3+4", "1-2"]
    assert {child.refusals for child in nested.root.children} == {2}
    assert nested.root.value == 4 * 2 % 13  # what the children handed back


def test_the_noting_policy_writes_every_operation_down_and_hands_back_what_it_wrote() -> None:
    tree = converse_with(NotingPolicy(), "(3+4)*(1-2)", kind="modular")
    actions = [message["content"] for message in tree.root.messages[2::2]]
    notes = [call("note", text=text) for text in ("3+4=7", "1-2=12", "7*12=6")]
    assert actions == [*notes, call("finish", answer=6)]
    trees = play(NotingPolicy(), [1, 2, 5], episodes=5, recursive=False, max_turns=40)
    assert {tree.root.signal for tree in trees} == {1.0}


def test_an_expression_is_divisible_if_an_operand_has_something_to_compute() -> None:
    tree = converse("(1+2)+3", {"root": [call("launch_subagent", operand="left")]})
    assert [(node.goal, node.divisible) for node in tree.nodes] == [("(1+2)+3", True), ("1+2", False)]
    assert [node.divisible for node in ExecutionTree.from_json(tree.to_json()).nodes] == [True, False]
    assert converse("12+34", {}, kind="digits").root.divisible


def test_operands_that_come_back_take_their_places_in_the_expression() -> None:
    both = call("launch_subagent", operand="left") + call("launch_subagent", operand="right")
    script = {
        "root": [both, call("finish", answer=110)],
        "root.0": [call("finish", answer=11)],
        "root.1": [call("finish", answer="-10")],
    }
    tree = converse("(3+8)*(2-12)", script)
    assert [child.goal for child in tree.root.children] == ["3+8", "2-12"]
    assert [child.signal for child in tree.root.children] == [1.0, 1.0]
    assert [child.wave for child in tree.root.children] == [0, 0]
    assert replies(tree) == [
        "<tool_response>\n11*(2-12)\n</tool_response>\n<tool_response>\n11*(-10)\n</tool_response>"
    ]
    assert tree.root.signal == 0.0


def test_the_root_is_verified_against_its_own_expression_whatever_a_child_said() -> None:
    script = {"root": [call("launch_subagent", operand="left"), call("finish", answer=22)]}
    tree = converse("(3+8)*2", script)
    assert replies(tree) == ["<tool_response>\n0*2\n</tool_response>"]
    assert (tree.root.signal, tree.root.children[0].signal) == (1.0, 0.0)


def test_an_answer_that_is_no_number_is_shown_and_changes_nothing() -> None:
    launch = call("launch_subagent", operand="left")
    script = {"root": [launch, launch], "root.0": [call("finish", answer="eleven")]}
    tree = converse("(3+8)*2", script)
    assert replies(tree)[0] == "<tool_response>\neleven\n</tool_response>"
    assert tree.root.children[1].goal == "3+8"


def test_the_halves_of_a_run_can_be_launched_one_after_the_other() -> None:
    script = {
        "root": [call("launch_subagent", operand="left"), call("launch_subagent", operand="right")],
        "root.0": [call("finish", answer=-1)],
        "root.1": [call("finish", answer=-1)],
    }
    tree = converse("1-2-3+4", script, kind="chain")
    assert [child.goal for child in tree.root.children] == ["1-2", "3-4"]
    assert replies(tree) == [
        "<tool_response>\n-1-(3-4)\n</tool_response>",
        "<tool_response>\n-1-(-1)\n</tool_response>",
    ]


def test_long_numbers_fall_apart_into_partial_results() -> None:
    script = {
        "root": [call("launch_subagent", operand="left") + call("launch_subagent", operand="right")],
        "root.0": [call("finish", answer=144630)],
        "root.1": [call("finish", answer=33747)],
    }
    tree = converse("4821*37", script, kind="digits")
    assert [child.goal for child in tree.root.children] == ["4800*37", "21*37"]
    assert "144630+33747" in replies(tree)[0]


def test_written_goals_need_not_be_parts_of_the_expression() -> None:
    script = {
        "root": [call("launch_subagent", goal=" 2 * (3 + 4) ")],
        "root.0": [call("finish", answer=14)],
    }
    tree = converse("(3+8)*2", script)
    child = tree.root.children[0]
    assert (child.goal, child.signal) == ("2*(3+4)", 1.0)
    assert child.messages[1]["content"].startswith("Compute: 2*(3+4)\n")
    assert replies(tree) == ["<tool_response>\n14\n</tool_response>"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"operand": "right"}, "2 is a number; there is nothing to compute."),
        ({"goal": "(7)"}, "7 is a number; there is nothing to compute."),
        ({"operand": "middle"}, "operand must be left or right, not 'middle'."),
        ({"goal": "3+8", "operand": "left"}, "give a goal or an operand, not both."),
        ({"goal": "( 3+8 )*2"}, "that is your own expression. Launch a part of it."),
        ({"goal": "3/(2-2)"}, "the goal cannot be computed: it divides by zero."),
        ({"goal": "3+"}, "the goal cannot be computed: it ends where a number is expected."),
        ({"goal": "Add 3 and 8."}, "the goal cannot be computed: 'A' at character 1 is not part of an expression."),
        ({}, "the goal cannot be computed: it ends where a number is expected."),
        ({"goal": "9*" * 30_000 + "9"}, "the goal cannot be computed: it has 60,001 characters"),
        ({"goal": "*".join(["9" * 2_000] * 2)}, "the goal cannot be computed: its value has more than 3,000 digits."),
    ],
)
def test_launches_without_work_in_them_are_refused(arguments: dict[str, str], reason: str) -> None:
    tree = converse("(3+8)*2", {"root": [call("launch_subagent", **arguments)]}, window=None)
    assert tree.root.children == []
    assert tree.root.refusals == 1
    assert replies(tree)[0].startswith(f"<tool_response>\nLaunch refused: {reason}")


def test_a_number_that_came_back_has_no_operands() -> None:
    script = {
        "root": [call("launch_subagent", operand="left"), call("launch_subagent", operand="left")],
        "root.0": [call("finish", answer=11)],
    }
    assert "Launch refused: 11 is a number" in replies(converse("(3+8)*2", script))[1]


def test_a_note_stays_in_the_transcript_and_computes_nothing() -> None:
    tree = converse("(3+8)*2", {"root": [call("note", text="3+8=12"), call("finish", answer=22)]})
    assert replies(tree) == ["<tool_response>\nNoted.\n</tool_response>"]
    assert tree.root.signal == 1.0


def test_modulo_a_prime_only_the_remainder_is_right() -> None:
    for answer, signal in ((9, 1.0), ("9", 1.0), (22, 0.0), (-4, 0.0), (8, 0.0)):
        assert converse("(3+8)*2", {"root": [call("finish", answer=answer)]}, kind="modular").root.signal == signal


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(1, 6), st.integers(-3, 3))
def test_the_verifier_accepts_the_value_alone(kind: str, index: int, difficulty: int, error: int) -> None:
    family = Arithmetic(kind=kind)
    sampled = family.sample(0, "train", index, difficulty)
    value = evaluate(parse(sampled.goal, family.modulus), family.modulus)
    assert sampled.record.answer == value
    assert family.verify(sampled, sampled.root, int(value) + error) == float(error == 0)


def test_openings_are_short_and_worded_alike() -> None:
    (tree,) = play(RecursivePolicy(), [4], kind="modular")
    for node in tree.nodes:
        assert node.messages[1]["content"].splitlines()[0] == f"Compute modulo 13: {node.goal}"
        assert node.goal == render(parse(node.goal, 13))


def test_python_is_declined_with_the_reason() -> None:
    with pytest.raises(InvalidValueError, match="a calculator would do the work"):
        rao_gym.make_setup(ID, actions="python").runtime()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "modula"}, "Unknown kind 'modula'. Did you mean 'modular'?"),
        ({"shape": "raged"}, "Unknown shape 'raged'. Did you mean 'ragged'?"),
        ({"operators": "+%"}, "Unknown operator '%'. Valid: +, -, *, /."),
        ({"kind": "digits", "operators": "-"}, "Unknown operator '-'. Valid: +, *."),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        Arithmetic(**options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operators": ""}, "operators must be some of"),
        ({"operators": "++"}, "each once, got '\\+\\+'"),
        ({"operators": "*/"}, "operators must hold '\\+' or '-' if they hold '/'"),
        ({"operand_min": 5, "operand_max": 4}, "operand_max must be at least 5, got 4"),
        ({"operand_min": 1.5}, "operand_min must be an integer"),
        ({"operand_max": 10**12}, "operand_max must be at most 1,000,000,000"),
        ({"kind": "modular", "modulus": 12}, "modulus must be a prime .*, got 12"),
        ({"kind": "modular", "modulus": 1}, "modulus must be at least 5, got 1"),
        ({"modulus": 13}, "modulus=13 does not apply to kind 'tree', only to modular"),
        ({"kind": "chain", "shape": "ragged"}, "shape='ragged' does not apply to kind 'chain'"),
        ({"kind": "digits", "operand_min": 1}, "operand_min=1 does not apply to kind 'digits'"),
    ],
)
def test_values_out_of_range_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Arithmetic(**options)


def test_policies_go_on_after_what_a_model_did_wrong() -> None:
    runtime = rao_gym.make_setup(ID).runtime()
    runtime.start(task("(3+8)*2"))
    root = runtime.tree.root
    for junk in ("hello", "<tool_call>{</tool_call>", call("launch_subagent", operand="up"), call("note", text="=5")):
        runtime.act(root, junk)
    policy = RecursivePolicy()
    while not runtime.done:
        node = next(iter(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    assert root.signal == 1.0
