"""What every view does alike: begin one episode after another, and render the tree."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import logger

from rao_gym.errors import UsageError, nearest, unknown_name
from rao_gym.limits import check_count
from rao_gym.registry import Setup
from rao_gym.rewards import reward_of
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ExecutionTree, Node, StopReason

RENDER_MODES = ("human", "ansi")
RENDER_FPS = 4

RESET_OPTIONS = ("difficulty", "split", "index")
"""What `reset(options=...)` takes; each holds for the one episode that it begins."""


class EpisodeSource:
    """Begins episodes in the order that a seed gives, and owns the sandbox that they share.

    A reset with a seed begins the task of index 0 of that seed, every further reset without one the next index.
    Without any seed, the first reset draws one.

    Args:
        episodes: The family and its settings.
        render_mode: ``"human"``, ``"ansi"`` or None.

    Raises:
        UnknownNameError: The render mode does not exist.
    """

    def __init__(self, setup: Setup, render_mode: str | None) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise unknown_name("render mode", render_mode, RENDER_MODES)
        self.setup = setup
        self._render_mode = render_mode
        self._sandbox = Sandbox()
        self._runtime: Runtime[Any] = setup.runtime(self._sandbox)
        self._begun = self._closed = False
        self._seed: int | None = None
        self._index = 0

    @property
    def runtime(self) -> Runtime[Any]:
        """The runtime of the present episode.

        Raises:
            UsageError: No episode has begun.
        """
        if not self._begun:
            raise UsageError("Call reset() first.")
        return self._runtime

    @property
    def running_runtime(self) -> Runtime[Any]:
        """The runtime of the present episode, for a step.

        Raises:
            UsageError: No episode has begun, it is over, or the environment was closed.
        """
        self.check_open()
        runtime = self.runtime
        if runtime.done:
            raise UsageError("The episode is over. Call reset().")
        return runtime

    def check_open(self) -> None:
        """Check that the environment was not closed since the last reset.

        Raises:
            UsageError: It was.
        """
        if self._closed:
            raise UsageError("The environment is closed. Call reset().")

    def begin(self, seed: int | None, options: Mapping[str, Any] | None, *, strict: bool) -> Runtime[Any]:
        """Begin an episode and return its runtime, on which only the root is ready.

        Args:
            seed: Starts a new series of tasks; None continues the current one.
            options: What this one episode takes instead of the next task's values; see `RESET_OPTIONS`.
            strict: Whether every other option is refused, or only those that look like a misspelt one.

        Raises:
            UnknownNameError: An option or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        chosen = dict(options or {})
        for name in chosen:
            if name not in RESET_OPTIONS and (strict or nearest(name, RESET_OPTIONS)):
                raise unknown_name("reset option", name, RESET_OPTIONS)
        if seed is not None:
            self._seed, self._index = check_count("seed", seed, minimum=0), 0
        elif self._seed is None:
            self._seed = int(np.random.SeedSequence().generate_state(1)[0])
        settings = self.setup.settings
        if self._begun and not self._runtime.done:
            # A new runtime leaves an unfinished tree as it is: it was handed out, and its holder may still read it.
            self._runtime.release()
            self._runtime = self.setup.runtime(self._sandbox)
        self._begun = False
        self._runtime.reset(
            self._seed,
            check_count("difficulty", chosen.get("difficulty", settings.difficulty)),
            split=chosen.get("split", settings.split),
            index=check_count("index", chosen.get("index", self._index), minimum=0),
        )
        self._begun, self._closed = True, False
        self._index += 1
        return self._runtime

    def render(self) -> str | None:
        """Return the tree as text, or print it, as the render mode says."""
        if self._render_mode is None:
            logger.warn("Nothing is rendered without a render mode; choose one of: " + ", ".join(RENDER_MODES))
            return None
        from rao_gym.viewer.text import tree_as_text  # viewers are loaded only by those who look

        text = tree_as_text(self.runtime.tree)
        if self._render_mode == "ansi":
            return text
        print(text, file=sys.stdout, flush=True)
        return None

    def render_if_watched(self) -> None:
        """Print the tree when a person watches."""
        if self._render_mode == "human":
            self.render()

    def close(self) -> None:
        """Release the world, the workers and the family's resources; closing twice does no harm."""
        self._closed = True
        self._runtime.release()
        self._sandbox.close()
        self.setup.family.close()


def terminated(node: Node) -> bool:
    """Tell whether an agent reached an end of its own: it finished, or it crashed."""
    return node.stop_reason in (StopReason.FINISHED, StopReason.CRASHED)


def truncated(node: Node) -> bool:
    """Tell whether an agent was stopped: by a limit, or because an agent above it ended."""
    return node.ended and not terminated(node)


def reward_at_end(tree: ExecutionTree, node: Node, delegation_bonus: float) -> float:
    """Return the local node reward R of a node that just ended (arXiv:2605.06639, Eq. 1).

    Where no ground truth can be derived for a node, the root's signal stands in for its own; before the root has
    ended that is 0. `rao_gym.rewards` gives every node's reward on the finished tree.

    Args:
        tree: The tree of the node.
        node: A node that has ended.
        delegation_bonus: λ of Eq. 1.
    """
    proxy = tree.root.signal or 0.0
    signals = {each.id: proxy if each.signal is None else each.signal for each in (node, *node.children)}
    return reward_of(node, signals, delegation_bonus)
