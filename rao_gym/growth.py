"""One tree as it grows: agents act, wait for those that they launched, and end.

A node is ready, waiting for its children, or ended. Its action runs until it has a reply, ends the node, or launches
others; when the last of those ends, the action goes on in the same call, and so on upwards.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any, Generic

from rao_gym.actions import NodeHost
from rao_gym.actions.base import Await, Crash, Finish, Outcome, Reply
from rao_gym.activity import Activity
from rao_gym.admission import Admission, Entrant
from rao_gym.boundary import MAX_TREE_SIZE, SMALL_SIZE, size_of
from rao_gym.jsonable import JSON, printable, to_json_value
from rao_gym.limits import LimitsLeft, left
from rao_gym.rulebook import Rulebook
from rao_gym.tasks.agent import ContextT
from rao_gym.tasks.base import LaunchRefusedError, Task
from rao_gym.tools import ToolResult
from rao_gym.tree import ExecutionTree, Node, NodeStatus, StopReason, chat_message


class Growth(Generic[ContextT]):
    """Grows the tree of one task.

    Args:
        task: The task.
        rulebook: What holds for every tree of the runtime.

    Attributes:
        tree: The tree so far.
        world: What its agents share; None when they share nothing.
        ready: The nodes that wait for an action, those that have waited longest first.

    Raises:
        WindowTooSmallError: The window cannot hold the root's opening messages.
        FamilyError: The family returned what its contract does not allow.
    """

    def __init__(self, task: Task[ContextT], rulebook: Rulebook[ContextT]) -> None:
        self.tree = ExecutionTree(task.record, [], counter=rulebook.counter.name)
        self.world = rulebook.contract.open_world(task)
        self._world_is_open = self.world is not None
        self.ready: OrderedDict[Node, None] = OrderedDict()
        self._activities: dict[Node, Activity[ContextT]] = {}
        self._tokens = 0
        self._size_left = MAX_TREE_SIZE
        self._task = task
        self._rulebook = rulebook
        self._contract = rulebook.contract
        self._limits = rulebook.limits
        self._counter = rulebook.counter
        self._admission = Admission(rulebook)
        try:
            self._add(None, self._admission.root(task, self.world))
        except BaseException:
            self.release()
            raise

    def limits_left(self, node: Node) -> LimitsLeft:
        """Return what a node that has not ended can still use."""
        limits = self._limits
        return LimitsLeft(
            depth=left(limits.max_depth, node.depth),
            turns=self._activities[node].budget.left,
            children=left(limits.max_children, len(node.children)),
            nodes=left(limits.max_nodes, len(self.tree.nodes)),
            window=left(limits.window, node.tokens),
            tree_tokens=left(limits.max_tree_tokens, self._tokens),
        )

    def take_turn(self, node: Node, text: object, truncated: bool, num_tokens: int | None) -> None:
        """Take a ready node's turn.

        Args:
            node: A node of `ready`.
            text: What its policy wrote.
            truncated: Whether the text was cut off.
            num_tokens: Its tokens; counted here if nobody knows them.
        """
        try:
            self._act(node, text, truncated, num_tokens)
        except BaseException:
            self.cancel()  # half a turn cannot be gone on from, and the world must be closed
            raise

    def give_up(self, node: Node, reason: StopReason, detail: str) -> None:
        """End a ready node that cannot act, and let its parent go on."""
        activity = self._activities[node]
        try:
            self._end(activity, reason, detail=detail)
            if reason is StopReason.CRASHED:
                node.signal = None
            self._advance(activity, None)
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel every node that has not ended, unless the tree was released."""
        root = self._activities.get(self.tree.root)
        if root is not None:
            self._end(root, StopReason.CANCELLED)
        self.release()

    def release(self) -> None:
        """Leave the tree as it stands: close its world and its sessions; no node can act any more."""
        for activity in self._activities.values():
            activity.interpreter.close()
        self._activities.clear()
        self.ready.clear()
        self._close_world()

    def _act(self, node: Node, text: object, truncated: bool, num_tokens: int | None) -> None:
        """Count the turn, carry out the action, and see to the budget of the tree."""
        del self.ready[node]
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
        overspent = self._overspent()
        if overspent and not self.tree.root.ended:
            self._end(self._activities[self.tree.root], StopReason.OUT_OF_BUDGET, detail=overspent)

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
            part=entrant.part,
            wave=0 if parent is None else parent.num_waves,
            divisible=self._contract.divisible(agent),
        )
        host = NodeHost(
            name=agent.name,
            specs=self._rulebook.specs_by_name,
            call=partial(self._call_tool, node),
            variables=self._contract.variables(agent),
            max_output_chars=self._rulebook.max_output_chars,
        )
        self.tree.nodes.append(node)
        self._keep([node.goal, node.arguments])
        if parent is not None:
            parent.node.children.append(node)
            parent.children.append(agent)
        self._activities[node] = Activity(
            node=node,
            launched=agent,
            agent=agent,
            budget=entrant.budget,
            interpreter=self._rulebook.form.open(host),
        )
        node.messages.append(chat_message("system", self._rulebook.system))
        self._record(node, "user", entrant.opening, entrant.num_tokens)
        self.ready[node] = None
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
            self.ready[node] = None

    def _launch(self, activity: Activity[ContextT], request: Await) -> None:
        """Launch what a node waits for; refusals are results at once."""
        node = activity.node
        node.status = NodeStatus.WAITING
        share = activity.budget.share(len(request.launches))
        num_children = len(node.children)
        for launch in request.launches:
            try:
                entrant = self._admission.child(
                    self._task, activity, launch, share=share, num_nodes=len(self.tree.nodes)
                )
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
        self._keep(node.value)
        if reason is StopReason.FINISHED:
            node.signal = self._contract.verify(self._task, activity.launched, node.value)
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
        self.ready.pop(node, None)
        del self._activities[node]

    def _close_world(self) -> None:
        """Close the world, once."""
        if self.world is not None and self._world_is_open:
            self._world_is_open = False
            self.world.close()

    def _call_tool(self, node: Node, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a family tool for a node."""
        activity = self._activities[node]
        result = self._contract.call_tool(name, activity.agent, arguments)
        if result.context is not None:
            activity.change_context(result.context)
        return result

    def _keep(self, value: JSON) -> None:
        """Count an answer or a launch, which the tree keeps beside its transcripts, if it is large."""
        size = size_of(value, at_most=max(self._size_left, SMALL_SIZE))
        if size is None:
            self._size_left = -1
        elif size > SMALL_SIZE:
            self._size_left -= size

    def _overspent(self) -> str:
        """Say which budget of the tree is used up; empty when none is."""
        max_tokens = self._limits.max_tree_tokens
        if max_tokens is not None and self._tokens >= max_tokens:
            return f"the tree used {self._tokens} tokens"
        return "" if self._size_left >= 0 else f"its answers and launches have over {MAX_TREE_SIZE:,} characters"

    def _record(self, node: Node, role: str, content: str, num_tokens: int) -> None:
        """Append a message to a node's transcript, and the tokens that come with it."""
        node.messages.append(chat_message(role, content))
        node.tokens += num_tokens
        self._tokens += num_tokens

    def _window_exceeded(self, node: Node) -> bool:
        """Tell whether a node's transcript has outgrown the window."""
        return self._limits.window is not None and node.tokens > self._limits.window
