"""Check that policy output never raises an exception."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from rao_gym.envs.spaces import UnicodeText
from rao_gym.registry import Setup, make_setup
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.testing.cases import SEED, settings_by_form
from rao_gym.testing.errors import ConformanceError, ensure
from rao_gym.testing.junk import HOSTILE_TEXTS, HOSTILE_VALUES, calls_text, junk_action
from rao_gym.tools import FINISH
from rao_gym.tree import ExecutionTree, Node

_LIMITS = {"max_turns": 8, "max_nodes": 20}


def check_robustness(id: str, *, difficulty: int = 1, num_trees: int = 10, seed: int = SEED, **options: Any) -> None:
    """Check that junk costs turns and nothing else.

    Every hostile text is tried on a new root, every hostile value is returned by one, and whole trees are grown from
    tool calls with bad arguments. Nothing may raise, signals must be in [0, 1] or unknown, and the trees must
    round-trip through JSON.

    Args:
        id: A registered id.
        difficulty: Difficulty of the tasks.
        num_trees: Number of trees to grow from junk.
        seed: Seed of the junk.
        **options: Options of `rao_gym.make_setup`; by default, limits keep the trees small.

    Raises:
        ConformanceError: Something raised, or a tree is invalid.
    """
    for form, chosen in settings_by_form(id, _LIMITS | options):
        built = make_setup(id, **chosen)
        with closing(Sandbox()) as sandbox:
            case = f"{id} ({form})"
            _try_each(case, built, difficulty, sandbox, form)
            rng = np.random.default_rng(seed)
            space = UnicodeText(seed=seed)
            for index in range(num_trees):
                runtime = built.runtime(sandbox)
                runtime.reset(SEED, difficulty, index=index)
                while not runtime.done:
                    ready = list(runtime.ready)
                    node = ready[rng.integers(len(ready))]
                    _act(case, runtime, node, junk_action(rng, runtime.tool_specs, form, space))
                _check_sound(case, runtime.tree)


def _try_each(case: str, built: Setup, difficulty: int, sandbox: Sandbox, form: str) -> None:
    """Try every hostile text and every hostile answer, each on a new root."""
    answers = [calls_text([(FINISH, {"answer": value})], form) for value in HOSTILE_VALUES]
    runtime = built.runtime(sandbox)
    for action in (*HOSTILE_TEXTS, *answers):
        root = runtime.reset(SEED, difficulty)
        _act(case, runtime, root, action)
        _check_sound(case, runtime.tree)


def _act(case: str, runtime: Runtime[Any], node: Node, action: object) -> None:
    """Let a node act.

    Raises:
        ConformanceError: The action raised anything.
    """
    try:
        runtime.act(node, action)
    except Exception as error:
        raise ConformanceError(
            f"{case}: on {runtime.task.record.id}, {node.name} raised {type(error).__name__}: {error}; "
            f"the action was {str(action)[:500]!r}."
        ) from error


def _check_sound(case: str, tree: ExecutionTree) -> None:
    """Check the signals of a tree and its round trip through JSON.

    Raises:
        ConformanceError: A signal is out of range, or the tree does not round-trip.
    """
    for node in tree.nodes:
        ensure(
            node.signal is None or 0.0 <= node.signal <= 1.0,
            f"{case}: the signal of {node.name} on {tree.task.id} is {node.signal}; its value was "
            f"{str(node.value)[:200]!r}.",
        )
    ensure(ExecutionTree.from_json(tree.to_json()) == tree, f"{case}: {tree.task.id} changes on its way through JSON.")
