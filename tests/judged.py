"""Trees with goals that nothing verifies, and what a judge says of them."""

from __future__ import annotations

import json
from typing import Any

from counting import Counting, call

from rao_gym.runtime import Runtime
from rao_gym.tree import ExecutionTree


def grown(*answers: Any, goal: str = "Guess the mood.", root: Any = "right") -> ExecutionTree:
    """Return a tree whose root launches a child for each answer, with a goal that nothing verifies."""
    runtime = Runtime(Counting(), actions="tools")
    node = runtime.reset(0)
    if answers:
        runtime.act(node, "".join(call("launch_subagent", goal=goal, start=0, end=1) for _ in answers))
        for child, answer in zip(node.children, answers, strict=True):
            runtime.act(child, call("peek", index=0))
            runtime.act(child, call("finish", answer=answer))
    runtime.act(node, call("finish", answer=sum(runtime.task.context) if root == "right" else root))
    assert runtime.done
    return runtime.tree


def verdict(score: float | None, reason: str = "because") -> str:
    """Return a reply that is a verdict."""
    return json.dumps({"reason": reason, "score": score})
