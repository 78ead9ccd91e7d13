"""An execution tree as indented text, for terminals and logs."""

from __future__ import annotations

import json

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.rewards import is_non_part
from rao_gym.tree import ExecutionTree, Node

_MAX_INDENT = 40
"""Deeper nodes are indented no further; their names show where they are in the tree."""


def tree_as_text(tree: ExecutionTree, *, max_nodes: int | None = 200, max_chars: int = 60) -> str:
    """Return one line per node, children indented below their parents.

    A line holds the agent's name, its stop reason (or status), its success signal s̃, its turns and tokens,
    ``no part`` where its work is no part of its parent's, its goal and the value it returned.

    Args:
        tree: A tree, finished or not.
        max_nodes: Show at most this many nodes, those launched first; None shows all. A shown node's parent is
            always shown, and a last line counts the omitted nodes.
        max_chars: Goals, values and names are shortened to this many characters.

    Raises:
        InvalidValueError: A limit is below 1.
    """
    for name, value in (("max_nodes", max_nodes), ("max_chars", max_chars)):
        if value is not None and value < 1:
            raise InvalidValueError(f"{name} must be at least 1, got {value}.")
    num_shown = len(tree) if max_nodes is None else min(max_nodes, len(tree))
    lines: list[str] = []
    stack: list[tuple[Node, int]] = [(tree.root, 0)]
    while stack:
        node, num_hidden = stack.pop()
        indent = "  " * min(node.depth + bool(num_hidden), _MAX_INDENT)
        if num_hidden:
            lines.append(f"{indent}… {num_hidden:,} more launched by {_shortened(node.name, max_chars)}")
            continue
        lines.append(indent + _line(node, max_chars))
        shown = [child for child in node.children if child.id < num_shown]
        if len(shown) < len(node.children):
            stack.append((node, len(node.children) - len(shown)))
        stack.extend((child, 0) for child in reversed(shown))
    if num_shown < len(tree):
        lines.append(f"({num_shown:,} of {len(tree):,} nodes shown)")
    return "\n".join(lines)


def _line(node: Node, max_chars: int) -> str:
    """Return the line of one node."""
    signal = "?" if node.signal is None else f"{node.signal:.2f}"
    parts = [
        _shortened(node.name, max_chars),
        str(node.stop_reason or node.status),
        f"s̃={signal}",
        f"{node.turns} turn{'' if node.turns == 1 else 's'}",
        f"{node.tokens:,} tokens",
        *(["no part"] if is_non_part(node) else []),
        _shortened(node.goal, max_chars),
    ]
    line = "  ".join(parts)
    return line if node.value is None else f"{line} → {_shortened(_as_text(node.value), max_chars)}"


def _as_text(value: JSON) -> str:
    """Return a value on one line: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shortened(text: str, max_chars: int) -> str:
    """Return text on one line, cut to `max_chars`, without terminal control characters."""
    visible = "".join(char if char.isprintable() else " " for char in text[: 4 * max_chars])
    line = " ".join(visible.split())
    cut = len(text) > 4 * max_chars or len(line) > max_chars
    return line[: max_chars - 1] + "…" if cut else line
