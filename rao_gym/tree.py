"""The execution tree: one node per agent, as typed data that round-trips through JSON.

A node is in the tree from the moment it is launched, even if it fails. Only the `Runtime` writes these objects;
everyone else reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, TypedDict, cast

from rao_gym.answer import ModelCall
from rao_gym.jsonable import JSON, check_types, read_json, write_json
from rao_gym.limits import APPROXIMATE


class ChatMessage(TypedDict):
    """One message of a transcript, as chat templates and servers expect it."""

    role: str
    content: str


class _ReadOnlyMessage(dict[str, str]):
    """A message that the tree and everyone who reads it share, so that handing out a transcript copies no text."""

    __slots__ = ()

    def _refuse(self, *_arguments: Any, **_more: Any) -> NoReturn:
        """Keep the message as it is.

        Raises:
            TypeError: Always.
        """
        raise TypeError("The messages of a transcript are read-only. Edit a copy, such as dict(message).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without setting items."""
        return type(self), (dict(self),)


def chat_message(role: str, content: str) -> ChatMessage:
    """Return a read-only message; it compares and serializes as the plain dictionary does."""
    return cast(ChatMessage, _ReadOnlyMessage(role=role, content=content))


class NodeStatus(StrEnum):
    """Whether a node is ready to act, waiting for children, or has ended."""

    READY = "ready"
    WAITING = "waiting"
    ENDED = "ended"


class StopReason(StrEnum):
    """Why a node ended."""

    FINISHED = "finished"
    OUT_OF_TURNS = "out_of_turns"
    OUT_OF_WINDOW = "out_of_window"
    OUT_OF_BUDGET = "out_of_budget"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


@dataclass(slots=True, eq=False)
class Node:
    """One agent.

    Attributes:
        id: Its index in launch order; 0 for the root.
        parent: The node that launched it; None for the root.
        position: Its index among its parent's children.
        depth: 0 for the root.
        goal: Its goal, in words.
        arguments: The arguments passed with the goal, in JSON form.
        part: Whether its work is a part of its parent's, or which share of it in [0, 1], as its family says; None for
            the root and where the family does not know.
        wave: Index of the parent's wait that it belongs to; children of one wave run in parallel.
        status: Whether it is ready, waiting or ended.
        stop_reason: Why it ended; None before that.
        detail: More about how it ended, in words; may be empty.
        value: The value that it returned, in JSON form.
        signal: Its success signal s̃ in [0, 1]; None before it ends, if nothing can verify it, or if its policy gave
            no answer (`unanswered`).
        turns: Number of turns that it took.
        tokens: Number of tokens in its transcript.
        refusals: Number of its launches that were refused.
        messages: Its transcript.
        calls: Records of its turns beyond their text, if the policy reports more; see `ModelCall`.
        children: The nodes that it launched, in order.
        divisible: Whether its work had parts that could be delegated; None if its family does not say.
    """

    id: int
    parent: Node | None
    position: int
    depth: int
    goal: str
    arguments: dict[str, JSON]
    part: bool | float | None = None
    wave: int = 0
    status: NodeStatus = NodeStatus.READY
    stop_reason: StopReason | None = None
    detail: str = ""
    value: JSON = None
    signal: float | None = None
    turns: int = 0
    tokens: int = 0
    refusals: int = 0
    messages: list[ChatMessage] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    divisible: bool | None = None

    @property
    def name(self) -> str:
        """The agent's name, its path in the tree: ``root``, ``root.0``, ``root.0.1``."""
        parts = []
        node = self
        while node.parent is not None:
            parts.append(str(node.position))
            node = node.parent
        return ".".join(["root", *reversed(parts)])

    def transcript(self) -> list[ChatMessage]:
        """Return the messages in a list of the caller's own; the messages themselves are read-only."""
        return list(self.messages)

    def __getstate__(self) -> dict[str, Any]:
        """Return all fields but the children, which an `ExecutionTree` restores: deep trees need no recursion."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "children"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the fields, as a node without children."""
        for name, value in state.items():
            setattr(self, name, value)
        self.children = []

    @property
    def tried_to_launch(self) -> bool:
        """Whether it launched an agent, or was refused to."""
        return bool(self.children) or self.refusals > 0

    @property
    def ended(self) -> bool:
        """Whether the node has ended."""
        return self.status is NodeStatus.ENDED

    @property
    def unanswered(self) -> bool:
        """Whether it ended because its policy's server or engine failed, which is not the policy's fault."""
        return self.stop_reason is StopReason.CRASHED and self.signal is None

    def __repr__(self) -> str:
        """Show the name and the status, not the whole subtree."""
        return f"Node({self.name!r}, {self.stop_reason or self.status})"


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """A tree's record of its task: enough to sample the same task again.

    Attributes:
        id: The task's id, unique across families, splits, seeds, indices and difficulties.
        family: The family's id, such as ``rao/LongContext-v0``.
        seed: Seed of the sample.
        split: Split of the sample.
        index: Index of the sample.
        difficulty: Difficulty, at least 1.
        goal: The root's goal.
        answer: The ground truth, in JSON form.
        provenance: Where the answer comes from.
        parameters: The family's parameters for this task.
    """

    id: str
    family: str
    seed: int
    split: str
    index: int
    difficulty: int
    goal: str
    answer: JSON
    provenance: str
    parameters: dict[str, JSON]


@dataclass(frozen=True)
class Judgement:
    """Where a node's success signal comes from, if not from its family's verifier.

    Attributes:
        signal: The signal, in [0, 1]; None if the node is unjudged.
        source: Who gave it, such as ``judge`` or ``root``; for an unjudged node, why nobody did.
    """

    signal: float | None
    source: str


class ExecutionTree:
    """The nodes of one rollout.

    Attributes:
        task: The root's task.
        nodes: Every node, in launch order.
        counter: What counted the tokens: ``approximate``, ``model`` for the model's own, or ``module:function``.
        judgements: By node id, the signals that a judge or a proxy gave when the tree was judged; empty if it was not.
    """

    __slots__ = ("counter", "judgements", "nodes", "task")

    def __init__(
        self,
        task: TaskRecord,
        nodes: list[Node],
        *,
        counter: str = APPROXIMATE,
        judgements: Mapping[int, Judgement] | None = None,
    ) -> None:
        self.task = task
        self.nodes = nodes
        self.counter = counter
        self.judgements = dict(judgements or {})

    @property
    def root(self) -> Node:
        """The root, which works on the task itself."""
        return self.nodes[0]

    @property
    def depth(self) -> int:
        """Depth of the deepest node."""
        return max(node.depth for node in self.nodes)

    @property
    def turns(self) -> int:
        """Turns of all nodes together."""
        return sum(node.turns for node in self.nodes)

    @property
    def tokens(self) -> int:
        """Tokens of all transcripts together."""
        return sum(node.tokens for node in self.nodes)

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.nodes)

    def walk(self) -> Iterator[Node]:
        """Yield all nodes depth first, parents before children."""
        stack = [self.root]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def critical_path(self) -> int:
        """Return the turns on the longest chain of nodes that had to wait for each other.

        Children of one wave run in parallel, so a wave costs as much as its slowest child; the waves of a node run one
        after another. ``tree.turns / tree.critical_path()`` is the speed-up from running children in parallel.
        """
        length = [node.turns for node in self.nodes]
        for node in reversed(self.nodes):  # in launch order, parents come before their children
            slowest: dict[int, int] = {}
            for child in node.children:
                slowest[child.wave] = max(slowest.get(child.wave, 0), length[child.id])
            length[node.id] += sum(slowest.values())
        return length[0]

    def to_json(self) -> str:
        """Return the tree as one line of JSON; equal trees give equal text."""
        document: dict[str, Any] = {
            "task": {name: getattr(self.task, name) for name in TaskRecord.__dataclass_fields__},
            "nodes": [_node_to_dict(node) for node in self.nodes],
        }
        if self.counter != APPROXIMATE:
            document["counter"] = self.counter
        if self.judgements:
            document["judgements"] = [[node, each.signal, each.source] for node, each in self.judgements.items()]
        return write_json(document)

    @classmethod
    def from_json(cls, text: str) -> ExecutionTree:
        """Read a tree that `to_json` wrote.

        Raises:
            ValueError: The text is not such a tree; the message says why.
        """
        document = read_json(text)
        try:
            return cls._from_document(document)
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"a part of the tree is missing or malformed ({error!r})") from error

    @classmethod
    def _from_document(cls, document: dict[str, Any]) -> ExecutionTree:
        """Build a tree from its JSON object."""
        check_types(TaskRecord, document["task"])
        if not document["nodes"]:
            raise ValueError("it has no nodes")
        nodes: list[Node] = []
        for entry in document["nodes"]:
            node = _node_from_dict(entry, nodes)
            if node.parent is not None:
                node.parent.children.append(node)
            nodes.append(node)
        return cls(
            TaskRecord(**document["task"]),
            nodes,
            counter=str(document.get("counter", APPROXIMATE)),
            judgements=_judgements_from(document.get("judgements", []), len(nodes)),
        )

    def __eq__(self, other: object) -> bool:
        """Compare all that `to_json` writes."""
        return self is other or (isinstance(other, ExecutionTree) and self.to_json() == other.to_json())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the nodes one after the other, parents first; whoever shares them goes on sharing them."""
        return _restored, (self.task, self.nodes, self.counter, self.judgements)

    def __repr__(self) -> str:
        """Show the task and the size."""
        return f"ExecutionTree({self.task.id!r}, {len(self)} nodes, root {self.root.stop_reason or self.root.status})"


def _restored(task: TaskRecord, nodes: list[Node], counter: str, judgements: Mapping[int, Judgement]) -> ExecutionTree:
    """Return a pickled tree, whose nodes come without their children."""
    for node in nodes:
        if node.parent is not None:
            node.parent.children.append(node)
    return ExecutionTree(task, nodes, counter=counter, judgements=judgements)


def _judgements_from(entries: list[Any], num_nodes: int) -> dict[int, Judgement]:
    """Read the judgements of a tree's JSON object."""
    judgements: dict[int, Judgement] = {}
    for node, signal, source in entries:
        if isinstance(node, bool) or not isinstance(node, int) or not 0 <= node < num_nodes:
            raise ValueError(f"a judgement must be on a node of the tree, got {node!r}")
        if signal is not None and (not isinstance(signal, int | float) or not 0 <= signal <= 1):
            raise ValueError(f"the judgement on node {node} must be in [0, 1] or null, got {signal!r}")
        judgements[node] = Judgement(signal, str(source))
    return judgements


_PLAIN_FIELDS = (
    "position",
    "depth",
    "goal",
    "arguments",
    "wave",
    "status",
    "stop_reason",
    "detail",
    "value",
    "signal",
    "turns",
    "tokens",
    "refusals",
    "messages",
)
_OPTIONAL_FIELDS = ("part", "divisible")
"""Fields that are written only if they are known."""


def _node_to_dict(node: Node) -> dict[str, Any]:
    """Return a node as a JSON object that refers to its parent by id."""
    parent = None if node.parent is None else node.parent.id
    document = {"id": node.id, "parent": parent} | {name: getattr(node, name) for name in _PLAIN_FIELDS}
    for name in _OPTIONAL_FIELDS:
        if getattr(node, name) is not None:
            document[name] = getattr(node, name)
    return document | ({"calls": [call.to_dict() for call in node.calls]} if node.calls else {})


def _node_from_dict(entry: dict[str, Any], earlier: list[Node]) -> Node:
    """Build a node from its JSON object and the nodes launched before it."""
    values = {name: entry[name] for name in _PLAIN_FIELDS} | {name: entry.get(name) for name in _OPTIONAL_FIELDS}
    check_types(Node, values)
    parent = _parent_of(entry, earlier)
    if (entry["id"], entry["position"], entry["depth"]) != (
        len(earlier),
        0 if parent is None else len(parent.children),
        0 if parent is None else parent.depth + 1,
    ):
        raise ValueError(f"node {entry['id']} is out of order")
    if not all(isinstance(message[key], str) for message in values["messages"] for key in ("role", "content")):
        raise ValueError(f"the messages of node {entry['id']} are not text")
    values["messages"] = [_ReadOnlyMessage(message) for message in values["messages"]]
    values["status"] = NodeStatus(values["status"])
    values["stop_reason"] = StopReason(values["stop_reason"]) if values["stop_reason"] else None
    if (values["status"] is NodeStatus.ENDED) != (values["stop_reason"] is not None):
        raise ValueError(
            f"node {entry['id']} has the status {values['status']}, which contradicts the stop reason "
            f"{values['stop_reason']}"
        )
    if values["signal"] is not None and not 0 <= values["signal"] <= 1:
        raise ValueError(f"the signal of node {entry['id']} must be in [0, 1], got {values['signal']}")
    calls = [ModelCall.from_dict(call) for call in entry.get("calls", [])]
    return Node(id=entry["id"], parent=parent, calls=calls, **values)


def _parent_of(entry: dict[str, Any], earlier: list[Node]) -> Node | None:
    """Return the node that launched another; None for the root."""
    place = entry["parent"]
    if place is None and not earlier:
        return None
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(earlier):
        raise ValueError(f"the parent of node {entry['id']} must be an earlier node, got {place!r}")
    return earlier[place]
