"""Check that right answers to the sub-goals of a reference tree are accepted, and wrong ones rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rao_gym.evaluation.rollouts import run_rollouts
from rao_gym.jsonable import JSON
from rao_gym.registry import family_class, setup_of
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task, TaskFamily
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ensure


@dataclass(frozen=True, kw_only=True)
class Verification:
    """One call of a family's `verify`.

    Attributes:
        task: The task.
        agent: The agent at its launch.
        value: The value that the node returned.
        signal: The signal that `verify` returned.
    """

    task: Task[Any]
    agent: Agent[Any]
    value: JSON
    signal: float | None


def check_subgoals(id: str, *, difficulties: Sequence[int] = (2, 3), num_tasks: int = 2, **options: Any) -> None:
    """Check the verifier and `part_of` on every node of the reference policy's trees.

    No node's work may be a part of itself, and none that the reference policy launched may be no part of the work. The
    value of each node must have the signal 1, and altered values must have less, unless agents share a world, where
    the signal may depend on what an agent did rather than on its answer. The trees must have children, or nothing
    would be checked.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks, high enough for the reference policy to delegate.
        num_tasks: Tasks of each difficulty.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: A right answer was rejected, a wrong one accepted, no child launched, or one that is needed
            called no part of the work.
    """
    for form, chosen in settings_by_form(id, options):
        family, verifications = _recorder_of(family_class(id))
        built = setup_of(family, **chosen)
        keys = task_keys(difficulties, num_tasks)
        trees = [rollout.tree for rollout in run_rollouts(built.family.reference_policy(), built, keys)]
        ensure(
            any(tree is not None and len(tree) > 1 for tree in trees),
            f"{id} ({form}): the reference policy launched nobody at difficulties {list(difficulties)}; "
            "check harder tasks or a smaller window.",
        )
        for node in (node for tree in trees if tree is not None for node in tree.nodes):
            ensure(
                node.part is None or node.part > 0,
                f"{id} ({form}), {node.name}, goal {node.goal[:200]!r}: part_of says that what the reference policy "
                "launched is no part of its work.",
            )
        for verification in tuple(verifications):  # a copy, because verifying altered answers is recorded, too
            _check_verification(f"{id} ({form})", built.family, verification)


def _check_verification(case: str, family: TaskFamily[Any], verification: Verification) -> None:
    """Check that an answer is accepted and that its alterations are not.

    Raises:
        ConformanceError: The answer is rejected, or an alteration accepted.
    """
    task, agent = verification.task, verification.agent
    where = f"{case}, {task.record.id}, {agent.name}, goal {agent.goal[:200]!r}"
    ensure(verification.signal is not None, f"{where}: nothing verifies this sub-goal.")
    ensure(
        verification.signal == 1.0,
        f"{where}: the reference policy's answer {str(verification.value)[:200]!r} has the signal "
        f"{verification.signal}.",
    )
    ensure(
        not family.part_of(task, agent, agent, ()),
        f"{where}: part_of says that an agent's own work is a part of it.",
    )
    if agent.world is not None:
        return  # there, actions may earn the signal rather than the answer; see `check_idle_children`
    for altered in alterations(verification.value):
        signal = family.verify(task, agent, altered)
        ensure(
            signal is not None and 0.0 <= signal < 1.0,
            f"{where}: the wrong answer {str(altered)[:200]!r} has the signal {signal}.",
        )


def alterations(value: JSON) -> Iterator[JSON]:
    """Yield answers that differ from `value`: near misses first, then None, unless the answer is empty."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        yield -value - 1
    elif isinstance(value, str):
        yield from _altered_texts(value)
    elif isinstance(value, list):
        yield from (value[:-1], value[1:]) if value else ()
    elif isinstance(value, dict) and value:
        name = next(iter(value))
        yield {key: item for key, item in value.items() if key != name}
        yield from ({**value, name: altered} for altered in alterations(value[name]))
    if value not in (None, "", [], {}):
        yield None


def _altered_texts(text: str) -> Iterator[str]:
    """Yield texts with another meaning."""
    stripped = text.strip()
    try:
        yield str(int(stripped) + 1)
    except ValueError:
        if stripped[::-1] != stripped:
            yield text[::-1]
    if stripped:
        yield text[: len(text) // 2]
        yield ""


def _recorder_of(family: type[TaskFamily[Any]]) -> tuple[type[TaskFamily[Any]], list[Verification]]:
    """Return a subclass of a family that records every verification, and the record."""
    verifications: list[Verification] = []

    class Recorder(family):  # type: ignore[misc, valid-type]  # the base is known only at run time
        """The family, with a record of its verifications."""

        def verify(self, task: Task[Any], agent: Agent[Any], value: JSON) -> float | None:
            """Verify, and record it."""
            signal: float | None = super().verify(task, agent, value)
            verifications.append(Verification(task=task, agent=agent, value=value, signal=signal))
            return signal

    return Recorder, verifications
