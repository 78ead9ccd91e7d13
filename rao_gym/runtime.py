"""The runtime: one synchronous, deterministic state machine that grows an execution tree.

There is no event loop and no thread here. A node that waits for children is a suspended action; "parallel" is
several nodes that are ready at once. Where agents share no world, each node's transcript is the same whatever order
the ready nodes act in, unless a budget that the whole tree shares runs out. In a shared world the order decides who
finds what, so there the rollout of a seed is the one in which nodes act in the order of `Runtime.ready`.
"""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import replace
from typing import Any, Generic

from rao_gym.answer import Answer, EndReason
from rao_gym.errors import UsageError
from rao_gym.growth import Growth
from rao_gym.jsonable import printable
from rao_gym.limits import Limits, LimitsLeft, TranscriptCounter
from rao_gym.policies.base import Turn
from rao_gym.rulebook import Rulebook
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import ContextT
from rao_gym.tasks.base import Task, TaskFamily
from rao_gym.tasks.world import World
from rao_gym.tree import ExecutionTree, Node, StopReason


class Runtime(Generic[ContextT]):
    """Grows one execution tree at a time.

    Args:
        family: The task family.
        limits: What a tree and its nodes may use.
        actions: ``"python"`` or ``"tools"``; the family's default when left out.
        recursive: Whether agents may launch sub-agents; False is the single-agent baseline.
        counter: Counts the tokens of transcripts; by their characters when left out.
        sandbox: Where cells run, shared with other runtimes; an own one when left out.

    Attributes:
        family: The task family.
        limits: What a tree and its nodes may use.
        tool_specs: Every tool that an agent may call.
    """

    def __init__(
        self,
        family: TaskFamily[ContextT],
        limits: Limits | None = None,
        actions: str | None = None,
        *,
        recursive: bool = True,
        counter: TranscriptCounter | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.family = family
        self.limits = limits or Limits()
        self.recursive = recursive
        self._rulebook = Rulebook(family, self.limits, actions, recursive=recursive, counter=counter, sandbox=sandbox)
        self.tool_specs = self._rulebook.tool_specs
        self._task: Task[ContextT] | None = None
        self._growth: Growth[ContextT] | None = None

    @property
    def actions(self) -> str:
        """Name of the action form."""
        return self._rulebook.form.name

    @property
    def tree(self) -> ExecutionTree:
        """The tree so far; the runtime keeps writing to it until `done`.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._grown.tree

    @property
    def task(self) -> Task[ContextT]:
        """The task of the present tree.

        Raises:
            UsageError: `reset` has not been called.
        """
        if self._task is None:
            raise UsageError("Call reset() first.")
        return self._task

    @property
    def world(self) -> World | None:
        """The world of the present tree, None when its agents share none; closed once the tree is done."""
        return None if self._growth is None else self._growth.world

    @property
    def ready(self) -> KeysView[Node]:
        """The nodes that wait for an action, those that have waited longest first: a live view.

        Drivers let them act in this order. Where there is a `world`, another order makes another rollout.
        """
        return {}.keys() if self._growth is None else self._growth.ready.keys()

    @property
    def done(self) -> bool:
        """Whether the root has ended."""
        return self.tree.root.ended

    def reset(self, seed: int, difficulty: int = 1, *, split: str = "train", index: int = 0) -> Node:
        """Begin a new tree on the task that the family samples from these four, and return its root.

        Raises:
            InvalidValueError: A value is out of range.
            WindowTooSmallError: The window cannot hold the root's opening messages.
            UnknownNameError: The split does not exist.
            FamilyError: The family returned what its contract does not allow.
        """
        return self.start(self._rulebook.contract.sample(seed, split, index, difficulty))

    def start(self, task: Task[ContextT]) -> Node:
        """Begin a new tree on `task` and return its root.

        Raises:
            WindowTooSmallError: The window cannot hold the root's opening messages.
            FamilyError: The family returned what its contract does not allow.
        """
        self._abandon()
        self._task, self._growth = self._rulebook.contract.task(task), None
        self._growth = Growth(self._task, self._rulebook)
        return self._growth.tree.root

    def act(self, node: Node, text: object, *, truncated: bool = False) -> None:
        """Take a ready node's turn.

        Policy output never raises here: a malformed action costs the turn, and the node's transcript says what
        was wrong with it.

        Args:
            node: A node of `ready`.
            text: What the policy wrote, or an `Answer`, which also says how its text came about: one that was cut
                off counts as `truncated`, and one whose prompt no longer fits its model ends the node, out of window.
            truncated: Whether the limit on the tokens of one turn cut the text off. Its complete actions run, an
                unfinished one at its end does not, and the reply says so.

        Raises:
            UsageError: The node is not ready.
            FamilyError: The family returned what its contract does not allow; the tree is cancelled.
        """
        self._check_ready(node)
        num_tokens = None
        if isinstance(text, Answer):
            if (call := text.call(node.turns)) is not None:
                node.calls.append(replace(call, reasoning=printable(call.reasoning)))
            if text.end is EndReason.OVERFLOW:
                self.outgrow(node)
                return
            truncated = truncated or text.end is EndReason.LENGTH
            num_tokens, text = text.num_tokens, text.text
        self._grown.take_turn(node, text, truncated, num_tokens)

    def outgrow(self, node: Node) -> None:
        """End a ready node whose transcript is longer than its policy can read, as the window would.

        Raises:
            UsageError: The node is not ready.
        """
        self._check_ready(node)
        self._grown.give_up(node, StopReason.OUT_OF_WINDOW, "its policy can read no more")

    def fail(self, node: Node, detail: str) -> None:
        """End a ready node whose policy gave no answer: crashed, and without a signal, since it did nothing wrong.

        Args:
            node: A node of `ready`.
            detail: Why there is no answer; its parent is told.

        Raises:
            UsageError: The node is not ready.
        """
        self._check_ready(node)
        self._grown.give_up(node, StopReason.CRASHED, detail)

    def limits_left(self, node: Node) -> LimitsLeft:
        """Return what a node that has not ended can still use."""
        return self._grown.limits_left(node)

    def release(self) -> None:
        """Give up the present tree as it stands: close its world and its sessions; no node can act any more."""
        if self._growth is not None:
            self._growth.release()

    def close(self) -> None:
        """End the tree and release its world, the workers and the family's resources."""
        self._abandon()
        self._rulebook.form.close()
        self.family.close()

    @property
    def _grown(self) -> Growth[ContextT]:
        """The present tree with all that it needs to go on.

        Raises:
            UsageError: `reset` has not been called.
        """
        if self._growth is None:
            raise UsageError("Call reset() first.")
        return self._growth

    def _check_ready(self, node: Node) -> None:
        """Check that a node may act.

        Raises:
            UsageError: It may not.
        """
        if node not in self.ready:
            raise UsageError(f"{node!r} is not ready to act.")

    def _abandon(self) -> None:
        """Cancel what is left of the present tree, unless it was released."""
        if self._growth is not None:
            self._growth.cancel()


def turn_of(runtime: Runtime[Any], node: Node) -> Turn:
    """Return what a policy sees of a ready node."""
    return Turn(
        agent=node.name,
        depth=node.depth,
        messages=node.transcript(),
        limits=runtime.limits_left(node),
        tools=runtime.tool_specs,
        actions=runtime.actions,
    )
