"""The runtime: one synchronous, deterministic state machine that grows an execution tree.

There is no event loop and no thread here. A node that waits for children is a suspended action; "parallel" is
several nodes that are ready at once. Where agents share no world, each node's transcript is the same whatever order
the ready nodes act in, unless a budget that the whole tree shares runs out. In a shared world the order decides who
finds what, so there the rollout of a seed is the one in which nodes act in the order of `Runtime.ready`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import KeysView, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Generic

from rao_gym.actions import NodeHost
from rao_gym.actions.base import Await, Crash, Finish, Outcome, Reply
from rao_gym.activity import Activity
from rao_gym.admission import Admission, Entrant
from rao_gym.answer import Answer, EndReason
from rao_gym.errors import UsageError
from rao_gym.jsonable import printable, to_json_value
from rao_gym.limits import Limits, LimitsLeft, TextCounter, TranscriptCounter, left
from rao_gym.policies.base import Turn
from rao_gym.rulebook import Rulebook
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import ContextT
from rao_gym.tasks.base import LaunchRefusedError, Task, TaskFamily
from rao_gym.tasks.contract import Contract
from rao_gym.tasks.world import World
from rao_gym.tools import ToolResult
from rao_gym.tree import ExecutionTree, Node, NodeStatus, StopReason, chat_message


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
        self._contract = Contract(family)
        self._counter = counter or TextCounter()
        self._rulebook = Rulebook(family, self.limits, actions, recursive=recursive, sandbox=sandbox)
        self.tool_specs = self._rulebook.tool_specs
        self._admission = Admission(
            self._contract, self._rulebook, self.limits, self._counter, goal_optional=family.goal_optional
        )
        self._task: Task[ContextT] | None = None
        self._tree: ExecutionTree | None = None
        self._world: World | None = None
        self._world_is_open = False
        self._tree_tokens = 0
        self._ready: OrderedDict[Node, None] = OrderedDict()
        self._activities: dict[Node, Activity[ContextT]] = {}

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
        if self._tree is None:
            raise UsageError("Call reset() first.")
        return self._tree

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
        return self._world

    @property
    def ready(self) -> KeysView[Node]:
        """The nodes that wait for an action, those that have waited longest first: a live view.

        Drivers let them act in this order. Where there is a `world`, another order makes another rollout.
        """
        return self._ready.keys()

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
        return self.start(self._contract.sample(seed, split, index, difficulty))

    def start(self, task: Task[ContextT]) -> Node:
        """Begin a new tree on `task` and return its root.

        Raises:
            WindowTooSmallError: The window cannot hold the root's opening messages.
            FamilyError: The family returned what its contract does not allow.
        """
        self._abandon()
        self._task = task = self._contract.task(task)
        self._tree = ExecutionTree(task.record, [], counter=self._counter.name)
        self._tree_tokens = 0
        self._world = self._contract.open_world(task)
        self._world_is_open = self._world is not None
        try:
            return self._add(None, self._admission.root(task, self._world))
        except BaseException:
            self._tree = None
            self.release()
            raise

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
        if node not in self._ready:
            raise UsageError(f"{node!r} is not ready to act.")
        num_tokens = None
        if isinstance(text, Answer):
            if (call := text.call(node.turns)) is not None:
                node.calls.append(replace(call, reasoning=printable(call.reasoning)))
            if text.end is EndReason.OVERFLOW:
                self.outgrow(node)
                return
            truncated = truncated or text.end is EndReason.LENGTH
            num_tokens, text = text.num_tokens, text.text
        try:
            self._take_turn(node, text, truncated, num_tokens)
        except BaseException:
            self._abandon()  # half a turn cannot be gone on from, and the world must be closed
            raise

    def _take_turn(self, node: Node, text: object, truncated: bool, num_tokens: int | None) -> None:
        """Take a ready node's turn; `num_tokens` are counted if nobody knows them."""
        del self._ready[node]
        activity = self._activities[node]
        node.turns += 1
        activity.budget.spend()
        written = printable(text) if isinstance(text, str) else ""
        num_tokens = self._counter.action(written) if num_tokens is None else num_tokens
        self._record(node, "assistant", written, num_tokens)
        activity.cut_off_at = num_tokens if truncated else None
        if self._window_exceeded(node):
            self._end(activity, StopReason.OUT_OF_WINDOW)
            self._advance(activity, None)
        elif isinstance(text, str):
            self._advance(activity, activity.interpreter.run(written, truncated=truncated))
        else:
            self._advance(activity, Reply(f"Error: an action is text, not {type(text).__name__}."))
        max_tokens = self.limits.max_tree_tokens
        if max_tokens is not None and self._tree_tokens >= max_tokens and not self.done:
            root = self._activities[self.tree.root]
            self._end(root, StopReason.OUT_OF_BUDGET, detail=f"the tree used {self._tree_tokens} tokens")

    def outgrow(self, node: Node) -> None:
        """End a ready node whose transcript is longer than its policy can read, as the window would.

        Raises:
            UsageError: The node is not ready.
        """
        self._give_up(node, StopReason.OUT_OF_WINDOW, "its policy can read no more")

    def fail(self, node: Node, detail: str) -> None:
        """End a ready node whose policy gave no answer: crashed, and without a signal, since it did nothing wrong.

        Args:
            node: A node of `ready`.
            detail: Why there is no answer; its parent is told.

        Raises:
            UsageError: The node is not ready.
        """
        self._give_up(node, StopReason.CRASHED, detail)

    def limits_left(self, node: Node) -> LimitsLeft:
        """Return what a node that has not ended can still use."""
        limits = self.limits
        return LimitsLeft(
            depth=left(limits.max_depth, node.depth),
            turns=self._activities[node].budget.left,
            children=left(limits.max_children, len(node.children)),
            nodes=left(limits.max_nodes, len(self.tree.nodes)),
            window=left(limits.window, node.tokens),
            tree_tokens=left(limits.max_tree_tokens, self._tree_tokens),
        )

    def release(self) -> None:
        """Give up the present tree as it stands: close its world and its sessions; no node can act any more."""
        for activity in self._activities.values():
            activity.interpreter.close()
        self._activities.clear()
        self._ready.clear()
        self._close_world()

    def close(self) -> None:
        """End the tree and release its world, the workers and the family's resources."""
        self._abandon()
        self._rulebook.form.close()
        self.family.close()

    def _give_up(self, node: Node, reason: StopReason, detail: str) -> None:
        """End a ready node that cannot act, and let its parent go on."""
        if node not in self._ready:
            raise UsageError(f"{node!r} is not ready to act.")
        activity = self._activities[node]
        try:
            self._end(activity, reason, detail=detail)
            if reason is StopReason.CRASHED:
                node.signal = None
            self._advance(activity, None)
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Cancel what is left of the present tree, unless it was released."""
        root = None if self._tree is None else self._activities.get(self._tree.root)
        if root is not None:
            self._end(root, StopReason.CANCELLED)
        self.release()

    def _close_world(self) -> None:
        """Close the world of the present tree, once."""
        if self._world is not None and self._world_is_open:
            self._world_is_open = False
            self._world.close()

    def _add(self, parent: Activity[ContextT] | None, entrant: Entrant[ContextT]) -> Node:
        """Add an admitted agent to the tree."""
        above, agent = None if parent is None else parent.node, entrant.agent
        node = Node(
            id=len(self.tree.nodes),
            parent=above,
            position=0 if above is None else len(above.children),
            depth=agent.depth,
            goal=agent.goal,
            arguments=entrant.arguments,
            wave=0 if parent is None else parent.num_waves,
        )
        host = NodeHost(
            name=agent.name,
            specs=self._rulebook.specs_by_name,
            call=partial(self._call_tool, node),
            variables=self._contract.variables(agent),
            max_output_chars=self._rulebook.max_output_chars,
        )
        self.tree.nodes.append(node)
        if above is not None:
            above.children.append(node)
        self._activities[node] = Activity(
            node=node,
            launched=agent,
            agent=agent,
            budget=entrant.budget,
            interpreter=self._rulebook.form.open(host),
        )
        node.messages.append(chat_message("system", self._rulebook.system))
        self._record(node, "user", entrant.opening, entrant.num_tokens)
        self._ready[node] = None
        return node

    def _advance(self, activity: Activity[ContextT], outcome: Outcome | None) -> None:
        """Carry out an outcome, then those of the parents that it wakes; a loop, for trees may be deep."""
        while True:
            if outcome is not None:
                self._apply(activity, outcome)
            waking = self._activity_to_wake(activity)
            if waking is None:
                return
            activity = waking
            outcome = activity.interpreter.resume(activity.collect(self._contract))

    def _apply(self, activity: Activity[ContextT], outcome: Outcome) -> None:
        """Carry out one outcome."""
        if isinstance(outcome, Reply):
            self._reply(activity, outcome.text)
        elif isinstance(outcome, Finish):
            self._end(activity, StopReason.FINISHED, value=outcome.value)
        elif isinstance(outcome, Crash):
            self._end(activity, StopReason.CRASHED, detail=outcome.detail)
        else:
            self._launch(activity, outcome)

    def _activity_to_wake(self, activity: Activity[ContextT]) -> Activity[ContextT] | None:
        """Return the node that can go on now: this one if nothing holds it, or its parent if it has ended."""
        if activity.node.status is NodeStatus.WAITING and activity.num_pending == 0:
            return activity
        if not activity.node.ended or activity.node.parent is None:
            return None
        parent = self._activities.get(activity.node.parent)
        if parent is None or parent.node.status is not NodeStatus.WAITING or parent.num_pending:
            return None
        return parent

    def _reply(self, activity: Activity[ContextT], text: str) -> None:
        """Answer an action; the node is ready again, unless a limit of its own ends it."""
        node, turns_left = activity.node, activity.budget.left
        text += activity.remarks()
        self._record(node, "user", text, self._counter.reply(text))
        if self._window_exceeded(node):
            self._end(activity, StopReason.OUT_OF_WINDOW)
        elif turns_left is not None and turns_left <= 0:
            self._end(activity, StopReason.OUT_OF_TURNS)
        else:
            node.status = NodeStatus.READY
            self._ready[node] = None

    def _launch(self, activity: Activity[ContextT], request: Await) -> None:
        """Launch what a node waits for; refusals are results at once."""
        node = activity.node
        node.status = NodeStatus.WAITING
        share = activity.budget.share(len(request.launches))
        num_children = len(node.children)
        for launch in request.launches:
            try:
                entrant = self._admission.child(activity, launch, share, len(self.tree.nodes))
            except LaunchRefusedError as refusal:
                node.refusals += 1
                activity.results.append(f"Launch refused: {refusal}")
                continue
            activity.budget.reserve(share)
            activity.num_pending += 1
            activity.results.append(self._add(activity, entrant))
        activity.num_waves += len(node.children) > num_children

    def _end(self, activity: Activity[ContextT], reason: StopReason, *, value: Any = None, detail: str = "") -> None:
        """End a node, tell its parent, and cancel its unfinished descendants."""
        node = activity.node
        node.value = to_json_value(value)
        if reason is StopReason.FINISHED:
            node.signal = self._contract.verify(self.task, activity.launched, node.value)
        self._close(activity, reason, detail)
        parent = None if node.parent is None else self._activities.get(node.parent)
        if parent is not None:
            parent.hand_over(node, value, activity.budget.shared)
        unfinished = [child for child in node.children if not child.ended]
        while unfinished:
            child = unfinished.pop()
            unfinished.extend(grandchild for grandchild in child.children if not grandchild.ended)
            self._close(self._activities[child], StopReason.CANCELLED, "")
        if node.parent is None:
            self._close_world()

    def _close(self, activity: Activity[ContextT], reason: StopReason, detail: str) -> None:
        """Mark a node as ended and drop what it held."""
        node = activity.node
        node.status, node.stop_reason, node.detail = NodeStatus.ENDED, reason, detail
        if reason is not StopReason.FINISHED:
            node.signal = 0.0
        activity.interpreter.close()
        self._ready.pop(node, None)
        del self._activities[node]

    def _call_tool(self, node: Node, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a family tool for a node."""
        activity = self._activities[node]
        result = self._contract.call_tool(name, activity.agent, arguments)
        if result.context is not None:
            activity.change_context(result.context)
        return result

    def _record(self, node: Node, role: str, content: str, num_tokens: int) -> None:
        """Append a message to a node's transcript, and the tokens that come with it."""
        node.messages.append(chat_message(role, content))
        node.tokens += num_tokens
        self._tree_tokens += num_tokens

    def _window_exceeded(self, node: Node) -> bool:
        """Tell whether a node's transcript has outgrown the window."""
        return self.limits.window is not None and node.tokens > self.limits.window


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
