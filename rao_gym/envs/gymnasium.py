"""The Gymnasium view: one policy, shared by all agents of a tree, acts for one agent after the other."""

from __future__ import annotations

from inspect import cleandoc
from textwrap import dedent
from typing import Any, cast

import gymnasium

from rao_gym.envs.observation import Observation, observation_space, observe
from rao_gym.envs.source import RENDER_FPS, RENDER_MODES, EpisodeSource, reward_at_end, terminated, truncated
from rao_gym.envs.spaces import UnicodeText
from rao_gym.errors import UnknownNameError
from rao_gym.plugins import load_object
from rao_gym.policies.base import Answer, Turn
from rao_gym.registry import menu_ids, setup_of
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tasks.base import TaskFamily
from rao_gym.tree import ExecutionTree, Node


class RecursiveEnv(gymnasium.Env[Observation, str]):
    """A tree of agents as one environment; made by ``gym.make(id, **options)`` for every registered family.

    ## Action Space
    `UnicodeText`: what the agent writes. Malformed actions cost a turn and return an error message.

    ## Observation Space
    A `Dict` with the ``message`` that arrived since this agent's last action, its ``depth``, and what is left of
    its ``limits`` (-1 for none). Each step shows the agent that has been ready longest, and takes its action.

    ``info`` has the ``agent``'s name, its whole transcript as ``messages`` in chat form, and the ``tree``, which
    goes on growing with the episode.

    ## Rewards
    0 until the root ends; then the root's local node reward: its success signal, plus λ times the mean of its
    children's signals where ``delegation_bonus=λ`` is set.

    ## Starting State
    ``reset(seed=s)`` begins task 0 of seed s, every further reset the next one. ``options`` may override
    ``difficulty``, ``split`` and ``index`` for one episode, which still counts as the next one.

    ## Episode End
    The root's end. Terminated if it finished or crashed, truncated if a limit stopped it.

    ## Arguments
    The limits by the names of `Limits`, the settings by those of `EpisodeSettings` (``difficulty``, ``split``,
    ``actions``, ``recursive``, ``delegation_bonus``, ``count_tokens``), and the family's own options.

    Args:
        family: Where the family's class is, as ``module:Class``.
        render_mode: ``"human"`` prints the tree after every step, ``"ansi"`` returns it as text.
        **options: See Arguments.

    Raises:
        UnknownNameError: An option or the render mode does not exist.
        InvalidValueError: A value is out of range.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}  # noqa: RUF012  # declared by gym.Env

    def __init__(self, family: str, render_mode: str | None = None, **options: Any) -> None:
        if render_mode == "rgb_array" and (fixed := menu_ids(family)):
            # Stable-Baselines3 makes every environment with this mode before it looks at the spaces.
            raise UnknownNameError(
                f"This environment speaks text, and renders as {' or '.join(RENDER_MODES)}, not as rgb_array. "
                f"Stable-Baselines3 and others that need fixed spaces can use {fixed[0]!r}."
            )
        self._source = EpisodeSource(setup_of(load_object(family), **options), render_mode)
        self.__doc__ = _describe(self._source.setup.family)
        self.render_mode = render_mode
        self.action_space = UnicodeText()
        space = observation_space(self._source.setup.limits)
        self.observation_space = cast("gymnasium.Space[Observation]", space)

    @property
    def runtime(self) -> Runtime[Any]:
        """The runtime of the present episode.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._source.runtime

    @property
    def tree(self) -> ExecutionTree:
        """The tree as it stands.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._source.runtime.tree

    @property
    def turn(self) -> Turn:
        """What a `Policy` sees of the agent that must act now.

        Raises:
            UsageError: There is none: `reset` has not been called, or the episode is over.
        """
        runtime = self._source.running_runtime
        return turn_of(runtime, _shown(runtime))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode and show its root.

        Args:
            seed: Starts a new series of tasks; None continues the current one.
            options: ``difficulty``, ``split`` or ``index`` of this one episode.

        Raises:
            UnknownNameError: An option or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        runtime = self._source.begin(seed, options, strict=True)  # first: it checks the seed
        super().reset(seed=seed)
        self._source.render_if_watched()
        return observe(runtime, runtime.tree.root), _info(runtime, runtime.tree.root)

    def step(self, action: str | Answer) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take the action of the agent that was shown last, and show the next one that is ready.

        Raises:
            UsageError: `reset` has not been called, or the episode is over.
        """
        runtime = self._source.running_runtime
        runtime.act(_shown(runtime), action)
        tree, shown, reward = runtime.tree, _shown(runtime), 0.0
        if runtime.done:
            reward = reward_at_end(tree, tree.root, self._source.setup.settings.delegation_bonus)
        self._source.render_if_watched()
        ends = terminated(tree.root), truncated(tree.root)
        return observe(runtime, shown), reward, *ends, _info(runtime, shown)

    def render(self) -> str | None:
        """Return the tree as text, or print it, as the render mode says.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._source.render()

    def close(self) -> None:
        """Release the workers and the family's resources; closing twice does no harm."""
        self._source.close()


def _describe(family: TaskFamily[Any]) -> str:
    """Return what an environment says of itself: its task and its options, then what all of them have in common."""
    own, _, options = cleandoc(family.__doc__ or family.id).partition("\n\nArgs:\n")
    options = dedent(options.partition("\n\nRaises:")[0])
    shared = cleandoc(RecursiveEnv.__doc__ or "").partition("\n\nArgs:\n")[0].partition("\n\n")[2]
    return f"{own}\n\n{shared}" + (f"\n\nThe family's own options:\n\n{options}" if options else "")


def _shown(runtime: Runtime[Any]) -> Node:
    """Return the agent that has been ready longest; the root once the episode is over."""
    return next(iter(runtime.ready), runtime.tree.root)


def _info(runtime: Runtime[Any], node: Node) -> dict[str, Any]:
    """Return what is told beside an observation."""
    return {"agent": node.name, "messages": node.transcript(), "tree": runtime.tree}
