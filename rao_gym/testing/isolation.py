"""Check that rollouts of a task share nothing, contexts never change in place, and the order of acting is harmless."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import wraps
from typing import Any

import numpy as np

from rao_gym.policies.base import Policy
from rao_gym.registry import Setup, family_class, setup_of
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task, TaskFamily
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ensure
from rao_gym.testing.fingerprint import fingerprint
from rao_gym.tree import ExecutionTree, Node, StopReason

_METHODS = ("opening", "variables", "call_tool", "delegate", "receive", "verify")
"""The methods of a family that take an agent."""

Choose = Callable[[list[Node]], Node]
"""Chooses which of the ready nodes acts next."""


def check_isolation(id: str, *, difficulties: Sequence[int] = (1, 2, 3), num_tasks: int = 1, **options: Any) -> None:
    """Check for the silent errors that occur when rollouts or agents share what they should not.

    - No method changes an agent's context in place; contexts are compared before and after every call.
    - A task can be replayed: two concurrent rollouts and a third one afterwards are equal.
    - Rollouts share no world: playing one does not change the world of the other.
    - Without a shared world, the order in which ready agents act changes nothing; with one, the reference policy
      solves the task in other orders, too.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks.
        num_tasks: Tasks of each difficulty.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: One of these rules is broken.
    """
    for form, chosen in settings_by_form(id, options):
        built = setup_of(_watched(family_class(id)), **chosen)
        for key in task_keys(difficulties, num_tasks):
            task = built.family.sample(key.seed, key.split, key.index, key.difficulty)
            case = f"{id} ({form}), {task.record.id}"
            with closing(Sandbox()) as sandbox:
                tree = _check_rollouts(case, built, task, sandbox)
                _check_orders(case, built, task, tree, sandbox)


def play(runtime: Runtime[Any], policy: Policy, choose: Choose = lambda ready: ready[0]) -> ExecutionTree:
    """Play the current tree to its end, one node at a time.

    Args:
        runtime: The runtime, already reset to a task.
        policy: The policy.
        choose: Chooses the next node; by default the one that has been ready longest.
    """
    while not runtime.done:
        node = choose(list(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    return runtime.tree


def _check_rollouts(case: str, built: Setup, task: Task[Any], sandbox: Sandbox) -> ExecutionTree:
    """Play a task in two concurrent rollouts, and once more; return the tree.

    Raises:
        ConformanceError: The trees differ, or one rollout changed the task or the other's world.
    """
    before = fingerprint(task.context)
    first, second = built.runtime(sandbox), built.runtime(sandbox)
    first.start(task)
    second.start(task)
    ensure(
        first.world is None or first.world is not second.world, f"{case}: open_world gave two rollouts the same world."
    )
    world = fingerprint(second.world)
    tree = play(first, built.family.reference_policy())
    ensure(fingerprint(second.world) == world, f"{case}: playing one rollout changed the world of another.")
    ensure(fingerprint(task.context) == before, f"{case}: a rollout changed the task's context.")
    for again in (second, first):
        if again is first:
            again.start(task)
        ensure(
            play(again, built.family.reference_policy()) == tree,
            f"{case}: starting the same task again gave another tree: something is kept from an earlier rollout.",
        )
    return tree


def _check_orders(case: str, built: Setup, task: Task[Any], tree: ExecutionTree, sandbox: Sandbox) -> None:
    """Play a task with the ready nodes acting in other orders.

    Raises:
        ConformanceError: The order changed the outcome.
    """
    rng = np.random.default_rng(0)
    orders: tuple[tuple[str, Choose], ...] = (
        ("the opposite", lambda ready: ready[-1]),
        ("a random", lambda ready: ready[rng.integers(len(ready))]),
    )
    for name, choose in orders:
        runtime = built.runtime(sandbox)
        runtime.start(task)
        shares_world = runtime.world is not None
        other = play(runtime, built.family.reference_policy(), choose)
        if any(_met_a_shared_limit(node) for each in (tree, other) for node in each.nodes):
            continue
        if shares_world:
            ensure(
                other.root.signal == tree.root.signal,
                f"{case}: with children acting in {name} order, the root's signal is {other.root.signal} and not "
                f"{tree.root.signal}.",
            )
        else:
            ensure(
                _by_name(other) == _by_name(tree),
                f"{case}: children acting in {name} order changed a transcript, though agents share no world.",
            )


def _met_a_shared_limit(node: Node) -> bool:
    """Tell whether a limit of the whole tree may have stopped a node; in another order, another agent could hit it."""
    return node.stop_reason is StopReason.OUT_OF_BUDGET or node.refusals > 0


def _by_name(tree: ExecutionTree) -> dict[str, Any]:
    """Return the outcome of each node, by name."""
    return {node.name: (node.messages, node.value, node.signal, node.stop_reason) for node in tree.nodes}


def _watched(family: type[TaskFamily[Any]]) -> type[TaskFamily[Any]]:
    """Return a subclass of a family whose methods raise when they change a context in place."""

    def watch(name: str) -> Callable[..., Any]:
        method = getattr(family, name)

        @wraps(method)
        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            agent = next(each for each in (*args, *kwargs.values()) if isinstance(each, Agent))
            before = fingerprint(agent.context)
            result = method(self, *args, **kwargs)
            ensure(
                fingerprint(agent.context) == before,
                f"{family.id}: {name} changed the context of {agent.name} in place; return a new one instead.",
            )
            return result

        return watched

    return type(family.__name__, (family,), {name: watch(name) for name in _METHODS})
