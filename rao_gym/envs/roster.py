"""The agents of a view with many agents: who there is, who may act, and what each was given when it left."""

from __future__ import annotations

from typing import Any, ClassVar

from gymnasium import spaces

from rao_gym.envs.observation import Observation, observation_space, observe
from rao_gym.envs.source import RENDER_FPS, RENDER_MODES, EpisodeSource, reward_at_end
from rao_gym.envs.spaces import UnicodeText
from rao_gym.errors import unknown_name
from rao_gym.policies.base import Turn
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tree import ExecutionTree, Node


class Roster:
    """The agents that are present in one episode, by name.

    An agent appears when it is ready to act for the first time. One that is cancelled by the very action that launched
    it, because the tree's tokens ran out, is in the tree but never appears.

    Args:
        id: A registered id.
        render_mode: ``"human"``, ``"ansi"`` or None.
        **options: As `rao_gym.make_setup` takes them.

    Attributes:
        source: Begins the episodes.
        observation_space: The space of every agent's observations.
        action_space: The space of every agent's actions.
        nodes: The agents that are present, in the order in which they appeared.
    """

    def __init__(self, id: str, render_mode: str | None, options: dict[str, Any]) -> None:
        self.source = EpisodeSource(make_setup(id, **options), render_mode)
        self.observation_space = observation_space(self.source.setup.limits)
        self.action_space = UnicodeText()
        self.nodes: dict[str, Node] = {}
        self._names: dict[Node, str] = {}
        self._num_seen = 0

    @property
    def runtime(self) -> Runtime[Any]:
        """The runtime of the present episode.

        Raises:
            UsageError: No episode has begun.
        """
        return self.source.runtime

    def begin(self, seed: int | None, options: dict[str, Any] | None) -> None:
        """Begin an episode, in which only the root is present."""
        self.source.begin(seed, options, strict=False)
        self.nodes, self._names, self._num_seen = {}, {}, 0
        self.admit_new()

    def admit_new(self) -> list[str]:
        """Let the agents that were launched since the last call appear, and return their names."""
        nodes = self.runtime.tree.nodes
        new = [node for node in nodes[self._num_seen :] if node in self.runtime.ready]
        self._num_seen = len(nodes)
        names = [node.name for node in new]
        self.nodes.update(zip(names, new, strict=True))
        self._names.update(zip(new, names, strict=True))
        return names

    def remove(self, name: str) -> None:
        """Let an agent leave."""
        del self._names[self.nodes.pop(name)]

    def name(self, node: Node) -> str:
        """Return the name of a present agent's node; it is kept, because a name is as long as the node is deep."""
        return self._names[node]

    def ended_by(self, acted: Node) -> list[Node]:
        """Return the present agents that ended when `acted` took its turn, those that appeared first in front.

        The work does not grow with the number of agents that go on: an end spreads upwards, to parents that finish
        with the result, and downwards, to the descendants of whoever ended.

        Args:
            acted: The node that took the turn.
        """
        highest = acted
        while highest.parent is not None and highest.parent.ended:
            highest = highest.parent
        ended, candidates = [], [highest] if highest.ended else []
        while candidates:
            node = candidates.pop()
            ended.append(node)
            candidates.extend(child for child in node.children if child in self._names)
        return sorted(ended, key=lambda node: node.id)

    def observe(self, name: str) -> Observation:
        """Return what a present agent observes at this moment."""
        return observe(self.runtime, self.node(name))

    def reward(self, node: Node) -> float:
        """Return R of a node that just ended."""
        return reward_at_end(self.runtime.tree, node, self.source.setup.settings.delegation_bonus)

    def info(self, node: Node) -> dict[str, Any]:
        """Return what is told beside an observation."""
        return {
            "ready": node in self.runtime.ready,
            "messages": node.transcript(),
            "tree": self.runtime.tree,
        }

    def turn(self, name: str) -> Turn:
        """Return what a `Policy` sees of a present agent that has not ended."""
        return turn_of(self.runtime, self.node(name))

    def node(self, name: str) -> Node:
        """Return a present agent's node.

        Raises:
            UnknownNameError: There is no such agent.
        """
        try:
            return self.nodes[name]
        except KeyError:
            raise unknown_name("agent", name, self.nodes) from None


class RosterView:
    """What both PettingZoo views have in common; to be named before PettingZoo's own class.

    The views say what their arguments are.

    Attributes:
        is_parallelizable: What PettingZoo's metadata says of the view.
    """

    is_parallelizable: ClassVar[bool]

    def __init__(self, id: str, render_mode: str | None = None, **options: Any) -> None:
        self._roster = Roster(id, render_mode, options)
        self.metadata: dict[str, Any] = {
            "name": self._roster.source.setup.family.id,
            "render_modes": list(RENDER_MODES),
            "render_fps": RENDER_FPS,
            "is_parallelizable": self.is_parallelizable,
        }
        self.render_mode = render_mode
        self.agents: list[str] = []

    @property
    def tree(self) -> ExecutionTree:
        """The tree as it stands.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._roster.runtime.tree

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of observations, which all agents share."""
        return self._roster.observation_space

    def action_space(self, agent: str) -> UnicodeText:
        """Return the space of actions, which all agents share."""
        return self._roster.action_space

    def turn(self, agent: str) -> Turn:
        """Return what a `Policy` sees of an agent that has not ended."""
        return self._roster.turn(agent)

    def render(self) -> str | None:
        """Return the tree as text, or print it, as the render mode says.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self._roster.source.render()

    def close(self) -> None:
        """Release the workers and the family's resources; closing twice does no harm."""
        self._roster.source.close()
