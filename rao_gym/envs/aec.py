"""The PettingZoo AEC view: agents act one after the other, appear when they are launched and leave when they end."""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv

from rao_gym.envs.observation import Observation
from rao_gym.envs.roster import RosterView
from rao_gym.envs.source import terminated, truncated
from rao_gym.errors import UsageError


class RecursiveAECEnv(RosterView, AECEnv[str, Observation, str | None]):
    """A tree of agents in which ``agent_selection`` is the agent that has been ready longest.

    Agents that wait for children are alive but never selected. An agent that ended is selected once more, before
    any other, and must be stepped with None; then it is gone. Its reward is its local node reward R, given when it
    ends. ``infos`` has each agent's ``messages`` in chat form, as they were when it was last selected, the ``tree``,
    and whether the agent is ``ready``.

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

    # A step changes the tree at once and may select a new agent, so there is no fixed cycle to run in parallel.
    is_parallelizable = False

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode, in which the root is the only agent.

        Args:
            seed: Begins a new series of tasks; None goes on with the present one.
            options: ``difficulty``, ``split`` or ``index`` of this one episode. As PettingZoo has it, other names
                are ignored, unless they look like one of these.

        Raises:
            UnknownNameError: An option is misspelt, or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        self._roster.begin(seed, options)
        self.agents = []
        self.rewards, self._cumulative_rewards = {}, {}
        self.terminations, self.truncations, self.infos = {}, {}, {}
        for agent in self._roster.nodes:
            self._appear(agent)
        self._select()
        self._roster.source.render_if_watched()

    def observe(self, agent: str) -> Observation:
        """Return what an agent observes at this moment."""
        return self._roster.observe(agent)

    def step(self, action: str | None) -> None:
        """Take the selected agent's action, or let it leave if it has ended.

        Args:
            action: Its action text; None for an agent that has ended.

        Raises:
            UsageError: `reset` has not been called, or no agent is left.
            ValueError: An agent that has ended was given an action.
        """
        if not self.agents:
            raise UsageError("No agent is left. Call reset().")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            del self._roster.nodes[agent]
            self._select()
            return
        self._clear_rewards()
        self._cumulative_rewards[agent] = 0.0
        self._roster.runtime.act(self._roster.node(agent), action)
        for new in self._roster.admit_new():
            self._appear(new)
        for name, node in self._roster.nodes.items():
            if node.ended and not (self.terminations[name] or self.truncations[name]):
                self.terminations[name], self.truncations[name] = terminated(node), truncated(node)
                self.rewards[name] = self._roster.reward(node)
                self.infos[name] = self._roster.info(node)
        self._accumulate_rewards()
        self._select()
        self._roster.source.render_if_watched()

    def _appear(self, agent: str) -> None:
        """Add an agent."""
        self.agents.append(agent)
        self.rewards[agent] = self._cumulative_rewards[agent] = 0.0
        self.terminations[agent] = self.truncations[agent] = False
        self.infos[agent] = self._roster.info(self._roster.node(agent))

    def _select(self) -> None:
        """Select an agent that has ended and must leave, or else the one that has been ready longest."""
        leaving = (agent for agent in self.agents if self.terminations[agent] or self.truncations[agent])
        ready = (node.name for node in self._roster.runtime.ready)
        selected = next(leaving, None) or next(ready, None)
        if selected is not None:
            self.agent_selection = selected
            self.infos[selected] = self._roster.info(self._roster.node(selected))


def aec_env(id: str, render_mode: str | None = None, **options: Any) -> RecursiveAECEnv:
    """Return a family as a PettingZoo AEC environment.

    Args:
        id: A registered id, such as ``rao/LongContext-v0``.
        render_mode: ``"human"``, ``"ansi"`` or None.
        **options: Limits, settings and the family's own options, as `rao_gym.make_setup` takes them.

    Raises:
        UnknownNameError: The id, an option or the render mode does not exist.
        InvalidValueError: A value is out of range.
    """
    return RecursiveAECEnv(id, render_mode, **options)
