"""The PettingZoo AEC view: agents act one after the other, appear when they are launched and leave when they end."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

from pettingzoo import AECEnv

from rao_gym.envs.observation import Observation
from rao_gym.envs.roster import RosterView
from rao_gym.envs.source import terminated, truncated
from rao_gym.errors import UsageError
from rao_gym.policies.base import Answer
from rao_gym.tree import Node


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

    # PettingZoo's own helpers visit every agent at every step. Here a step costs the same however many agents there
    # are: those that must leave wait in line, only rewards that were given are cleared, and an agent's place among
    # `agents`, which are in the order of their launches, is found by bisection.

    # A step changes the tree at once and may select a new agent, so there is no fixed cycle to run in parallel.
    is_parallelizable = False

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode, in which the root is the only agent.

        Args:
            seed: Starts a new series of tasks; None continues the current one.
            options: ``difficulty``, ``split`` or ``index`` of this one episode. As PettingZoo has it, other names
                are ignored, unless they look like one of these.

        Raises:
            UnknownNameError: An option is misspelt, or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        self._roster.begin(seed, options)
        self.agents = []
        self._ids: list[int] = []
        self._leaving: deque[Node] = deque()
        self._rewarded: list[str] = []
        self.rewards, self._cumulative_rewards = {}, {}
        self.terminations, self.truncations, self.infos = {}, {}, {}
        for agent in self._roster.nodes:
            self._appear(agent)
        self._select()
        self._roster.source.render_if_watched()

    def observe(self, agent: str) -> Observation:
        """Return what an agent observes at this moment."""
        return self._roster.observe(agent)

    def step(self, action: str | Answer | None) -> None:
        """Take the selected agent's action, or let it leave if it has ended.

        Args:
            action: Its action text; None for an agent that has ended.

        Raises:
            UsageError: `reset` has not been called, no agent is left, or the environment was closed.
            ValueError: An agent that has ended was given an action.
        """
        self._roster.source.check_open()
        if not self.agents:
            raise UsageError("No agent is left. Call reset().")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._leave(agent, action)
        else:
            self._act(agent, action)
        self._select()
        self._roster.source.render_if_watched()

    def _act(self, agent: str, action: str | Answer | None) -> None:
        """Take an agent's action, and tell who appeared and who ended."""
        for rewarded in self._rewarded:
            self.rewards[rewarded] = 0.0
        self._cumulative_rewards[agent] = 0.0
        node = self._roster.node(agent)
        self._roster.runtime.act(node, action)
        for new in self._roster.admit_new():
            self._appear(new)
        ended = self._roster.ended_by(node)
        self._leaving.extend(ended)
        self._rewarded = [self._roster.name(each) for each in ended]
        for each, name in zip(ended, self._rewarded, strict=True):
            self.terminations[name], self.truncations[name] = terminated(each), truncated(each)
            self.rewards[name] = self._roster.reward(each)
            self._cumulative_rewards[name] += self.rewards[name]
            self.infos[name] = self._roster.info(each)

    def _leave(self, agent: str, action: str | Answer | None) -> None:
        """Take the empty step of an agent that has ended, and remove it.

        Raises:
            ValueError: It was given an action.
        """
        if action is not None:
            raise ValueError("when an agent is dead, the only valid action is None")
        for rewarded in self._rewarded:
            self.rewards[rewarded] = 0.0
        self._rewarded = []
        place = bisect_left(self._ids, self._leaving.popleft().id)
        del self.agents[place], self._ids[place]
        for values in (self.terminations, self.truncations, self.rewards, self._cumulative_rewards, self.infos):
            del values[agent]
        self._roster.remove(agent)

    def _appear(self, agent: str) -> None:
        """Add an agent."""
        node = self._roster.node(agent)
        self.agents.append(agent)
        self._ids.append(node.id)
        self.rewards[agent] = self._cumulative_rewards[agent] = 0.0
        self.terminations[agent] = self.truncations[agent] = False
        self.infos[agent] = self._roster.info(node)

    def _select(self) -> None:
        """Select an agent that has ended and must leave, or else the one that has been ready longest."""
        selected = self._leaving[0] if self._leaving else next(iter(self._roster.runtime.ready), None)
        if selected is not None:
            self.agent_selection = self._roster.name(selected)
            self.infos[self.agent_selection] = self._roster.info(selected)


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
