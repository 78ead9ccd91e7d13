"""The PettingZoo Parallel view: every agent that is ready acts in each step; agents appear and leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pettingzoo import ParallelEnv

from rao_gym.envs.observation import Observation
from rao_gym.envs.roster import RosterView
from rao_gym.envs.source import terminated, truncated
from rao_gym.errors import UsageError, unknown_name
from rao_gym.policies.base import Answer


class RecursiveParallelEnv(RosterView, ParallelEnv[str, Observation, str]):
    """A tree of agents in which every agent that is ready acts at once.

    ``infos[agent]["ready"]`` tells who is ready; the others wait for children, and actions for them are ignored. An
    agent that is ready and is given no action stays ready: it loses no turn. Observations, rewards, ends and infos
    have an entry for every agent that was there before the step or appeared in it. An agent's reward is its local
    node reward R, given when it ends. ``infos`` has each agent's ``messages`` in chat form and the ``tree``.

    The set of agents is open, so there is no ``possible_agents``, as in PettingZoo's own environments that
    generate agents.

    Args:
        id: A registered id.
        render_mode: ``"human"`` prints the tree after every step, ``"ansi"`` returns it as text.
        **options: As `rao_gym.make_setup` takes them.

    Raises:
        UnknownNameError: The id, an option or the render mode does not exist.
        InvalidValueError: A value is out of range.
    """

    is_parallelizable = True

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Begin an episode, in which the root is the only agent.

        Args:
            seed: Starts a new series of tasks; None continues the current one.
            options: ``difficulty``, ``split`` or ``index`` of this one episode. As PettingZoo has it, other names
                are ignored, unless they look like one of these.

        Returns:
            Observations and infos by agent.

        Raises:
            UnknownNameError: An option is misspelt, or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        self._roster.begin(seed, options)
        self.agents = list(self._roster.nodes)
        self._roster.source.render_if_watched()
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, str | Answer]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Take the actions of the agents that are ready.

        They act in the order in which they became ready. An agent that becomes ready within the step acts in the
        next one.

        Args:
            actions: Action texts by agent.

        Returns:
            Observations, rewards, terminations, truncations and infos by agent.

        Raises:
            UsageError: `reset` has not been called, no agent is left, or the environment was closed.
            UnknownNameError: An action is for an agent that is not there.
        """
        self._roster.source.check_open()
        if not self.agents:
            raise UsageError("No agent is left. Call reset().")
        for agent in actions:
            if agent not in self._roster.nodes:
                raise unknown_name("agent", agent, self.agents)
        runtime = self._roster.runtime
        acting = [(node, node.name) for node in runtime.ready]
        for node, agent in acting:
            if agent in actions and node in runtime.ready:  # an earlier action may have ended it
                runtime.act(node, actions[agent])
        self._roster.admit_new()
        nodes = dict(self._roster.nodes)
        observations, infos = self._observations(), self._infos()
        rewards = {agent: self._roster.reward(node) if node.ended else 0.0 for agent, node in nodes.items()}
        for agent, node in nodes.items():
            if node.ended:
                self._roster.remove(agent)
        self.agents = list(self._roster.nodes)
        self._roster.source.render_if_watched()
        return (
            observations,
            rewards,
            {agent: terminated(node) for agent, node in nodes.items()},
            {agent: truncated(node) for agent, node in nodes.items()},
            infos,
        )

    def _observations(self) -> dict[str, Observation]:
        """Return what each present agent observes."""
        return {agent: self._roster.observe(agent) for agent in self._roster.nodes}

    def _infos(self) -> dict[str, dict[str, Any]]:
        """Return what each present agent is told beside its observation."""
        return {agent: self._roster.info(node) for agent, node in self._roster.nodes.items()}


def parallel_env(id: str, render_mode: str | None = None, **options: Any) -> RecursiveParallelEnv:
    """Return a family as a PettingZoo Parallel environment.

    Args:
        id: A registered id, such as ``rao/LongContext-v0``.
        render_mode: ``"human"``, ``"ansi"`` or None.
        **options: Limits, settings and the family's own options, as `rao_gym.make_setup` takes them.

    Raises:
        UnknownNameError: The id, an option or the render mode does not exist.
        InvalidValueError: A value is out of range.
    """
    return RecursiveParallelEnv(id, render_mode, **options)
