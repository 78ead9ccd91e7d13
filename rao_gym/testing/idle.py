"""Check that a child earns nothing for a sibling's work if agents share a world."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from rao_gym.jsonable import JSON
from rao_gym.registry import Setup, make_setup
from rao_gym.runtime import turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import Task
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ensure
from rao_gym.testing.isolation import play
from rao_gym.testing.junk import calls_text
from rao_gym.tools import FINISH, LAUNCH
from rao_gym.tree import Node, StopReason


def check_idle_children(id: str, *, difficulties: Sequence[int] = (2, 3), num_tasks: int = 1, **options: Any) -> None:
    """Check that a child that does nothing has no signal above 0, even if its sibling already did the work.

    A child of the reference policy's tree is launched twice in a row. The first does the work; the second returns the
    first one's answer at once. Families without a world pass: there, an answer is right whoever gives it.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks, high enough for the reference policy to delegate.
        num_tasks: Tasks of each difficulty.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: An idle child has a signal above 0.
    """
    for form, chosen in settings_by_form(id, options):
        built = make_setup(id, **chosen)
        for key in task_keys(difficulties, num_tasks):
            task = built.family.sample(key.seed, key.split, key.index, key.difficulty)
            with closing(Sandbox()) as sandbox:
                _check_task(f"{id} ({form}), {task.record.id}", built, task, form, sandbox)


def _check_task(case: str, built: Setup, task: Task[Any], form: str, sandbox: Sandbox) -> None:
    """Launch a child of the reference tree twice; the second one idles.

    Raises:
        ConformanceError: The idle one has a signal above 0.
    """
    runtime = built.runtime(sandbox)
    root = runtime.start(task)
    if runtime.world is None:
        runtime.release()
        return
    tree = play(runtime, built.family.reference_policy())
    model = next((child for child in tree.root.children if child.signal == 1.0), None)
    if model is None:
        return
    root = runtime.start(task)
    for action in _actions_before(tree.root, model):
        runtime.act(root, action)
    passed: dict[str, JSON] = {**({"goal": model.goal} if model.goal else {}), **model.arguments}
    launch = calls_text([(LAUNCH, passed)], form)
    runtime.act(root, launch)
    policy = built.family.reference_policy()
    while root not in runtime.ready and not runtime.done:
        node = next(iter(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    if runtime.done:
        return
    num_children = len(root.children)
    runtime.act(root, launch)
    if len(root.children) == num_children:
        return  # refused: there is nothing left to do
    idle = root.children[-1]
    if not idle.ended:
        runtime.act(idle, calls_text([(FINISH, {"answer": model.value})], form))
    ensure(
        idle.stop_reason is not StopReason.FINISHED or not idle.signal,
        f"{case}: {idle.name} did nothing and has the signal {idle.signal}, for what {root.children[-2].name} did. "
        "Verify against the world's ledger, not against its state.",
    )
    runtime.release()


def _actions_before(root: Node, child: Node) -> list[str]:
    """Return the root's actions before the one that launched the child."""
    actions = [message["content"] for message in root.messages if message["role"] == "assistant"]
    launching = [action for action in actions if LAUNCH in action]
    wave = min(child.wave, len(launching) - 1)
    return actions[: actions.index(launching[wave])]
