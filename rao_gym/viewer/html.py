"""Execution trees as one self-contained HTML page.

Agents may write hostile text. It is embedded as JSON, escaped so that it cannot close the script element that holds
it, and the page's script inserts it as text, never as markup.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON, printable
from rao_gym.limits import Limits
from rao_gym.rewards import node_rewards, recorded_signals
from rao_gym.tree import ExecutionTree, Node

_MAX_SAFE_INTEGER = 2**53 - 1
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def write_page(
    trees: Sequence[ExecutionTree],
    path: Path,
    title: str,
    *,
    delegation_bonus: float = 0.0,
    limits: Mapping[str, Limits] | None = None,
    runs: Sequence[str] = (),
    report: str = "",
) -> None:
    """Write a page that shows trees: their outline, and every node's transcript, rewards and usage.

    The page opens on the largest tree. It needs no network and no other file, and renders only what is in view, so
    that trees of many thousands of nodes stay usable.

    Args:
        trees: The trees, at least one; finished or not.
        path: The file to write; its folder is created.
        title: Title of the page.
        delegation_bonus: λ of Eq. 1 (arXiv:2605.06639), for the local node rewards R on the page.
        limits: The limits of each family, by the family's id; shown next to what was used.
        runs: The run of each tree, if the page shows several runs.
        report: HTML of the caller's own that the page opens on; its links ``#tree-3`` open the tree at that place.

    Raises:
        InvalidValueError: There is no tree.
        OSError: The file cannot be written.
    """
    if not trees:
        raise InvalidValueError("There is no tree to show.")
    documents = [_tree_document(tree, delegation_bonus) for tree in trees]
    settings = {
        "delegation_bonus": delegation_bonus,
        "first": max(range(len(trees)), key=lambda place: len(trees[place])),
        "limits": {id: asdict(used) for id, used in (limits or {}).items()},
        "labels": [f"{run}: {_label(tree)}" for run, tree in zip(runs, trees, strict=True)]
        if runs
        else [_label(tree) for tree in trees],
    }
    parts = {
        "title": html.escape(printable(title)),
        "style": _resource("page.css"),
        "script": _resource("page.js"),
        "report": report,
        "hidden": "" if report else "hidden",
        "back": '<a id="back" href="#report">Results</a>' if report else "",
        "settings": embedded_json(settings),
        "trees": "\n".join(
            f'<script type="application/json" class="tree">{embedded_json(document)}</script>' for document in documents
        ),
    }
    page = _PLACEHOLDER.sub(lambda match: parts[match.group(1)], _resource("page.html"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def embedded_json(document: Any) -> str:
    """Return JSON that is safe inside a script element, whatever text it holds.

    It is ASCII, so U+2028, U+2029 and lone surrogates are escaped; so are ``<``, ``>`` and ``&``.
    """
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES)


def _resource(name: str) -> str:
    """Return the text of a file of this package."""
    return resources.files("rao_gym.viewer").joinpath(name).read_text(encoding="utf-8")


def _label(tree: ExecutionTree) -> str:
    """Return a tree's entry in the list of trees."""
    judgement = tree.judgements.get(tree.root.id)
    known = tree.root.signal if judgement is None else judgement.signal
    signal = "?" if known is None else f"{known:.2f}"
    return f"{tree.task.id} · s̃ {signal} · {len(tree):,} node{'' if len(tree) == 1 else 's'}"


def _tree_document(tree: ExecutionTree, delegation_bonus: float) -> dict[str, Any]:
    """Return a tree's data for the page; each distinct message text is stored once."""
    signals = recorded_signals(tree) if tree.root.ended else {}
    rewards = node_rewards(tree, signals, delegation_bonus)
    texts: dict[str, int] = {}
    nodes = [
        {
            "parent": None if node.parent is None else node.parent.id,
            "position": node.position,
            "goal": node.goal,
            "arguments": _exact(node.arguments),
            "part": node.part,
            "wave": node.wave,
            "outcome": str(node.stop_reason or node.status),
            "ended": node.ended,
            "detail": node.detail,
            "value": _exact(node.value),
            "verified": node.signal,
            "signal": signals.get(node.id),
            "source": _source(tree, node),
            "reward": rewards.get(node.id),
            "turns": node.turns,
            "tokens": node.tokens,
            "refusals": node.refusals,
            "messages": _messages(node, texts),
        }
        for node in tree.nodes
    ]
    return {
        "task": _exact(asdict(tree.task)),
        "turns": tree.turns,
        "tokens": tree.tokens,
        "depth": tree.depth,
        "critical_path": tree.critical_path(),
        "nodes": nodes,
        "texts": list(texts),
    }


def _source(tree: ExecutionTree, node: Node) -> str:
    """Return where a node's signal comes from, in words; nothing if it is the verifier's, or not there yet."""
    judgement = tree.judgements.get(node.id)
    if judgement is None:
        return "proxy: the root's" if node.ended and node.signal is None and not tree.judgements else ""
    if judgement.signal is None:
        return f"unjudged: {judgement.source}"
    return {"judge": "by the judge", "root": "proxy: the root's", "zero": "counted as 0"}.get(judgement.source, "")


def _exact(value: JSON) -> JSON:
    """Return a value with integers that JavaScript would round as text."""
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return str(value) if isinstance(value, int) and abs(value) > _MAX_SAFE_INTEGER else value


def _messages(node: Node, texts: dict[str, int]) -> list[tuple[str, int]]:
    """Return a node's messages as roles and indices into `texts`, adding new texts to it."""
    return [(message["role"], texts.setdefault(message["content"], len(texts))) for message in node.messages]
