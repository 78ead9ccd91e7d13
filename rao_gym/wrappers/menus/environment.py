"""The fixed-space view: one policy, shared by all agents of a tree, chooses from a menu for one after the other."""

from __future__ import annotations

from dataclasses import fields
from inspect import cleandoc
from math import inf
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.envs.observation import LIMIT_NAMES
from rao_gym.envs.source import RENDER_FPS, RENDER_MODES
from rao_gym.errors import InvalidValueError, UsageError, unknown_name
from rao_gym.limits import Limits, is_number
from rao_gym.plugins import load_object
from rao_gym.policies.base import Turn
from rao_gym.tree import ExecutionTree
from rao_gym.wrappers.menus.base import Choices, Menu

RGB_ARRAY: Final = "rgb_array"
DEFAULT_TURN_COST: Final = 0.01

_LIMIT_FIELDS = {field.name.removeprefix("max_"): field.name for field in fields(Limits)}
TURN_FEATURES: Final = ("depth", *(f"{name}_left" for name in LIMIT_NAMES))
"""The features that every menu's own are followed by: the depth, and the share of each limit that is left."""


class MenuEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """A tree of agents with fixed spaces, as libraries such as Stable-Baselines3 require.

    Made by ``gym.make("rao/LongContext-menu-v0", **options)``, and in the same way for every family with a menu.

    ## Action Space
    `Discrete`: an index into ``menu.actions``, rendered into the text that the agent writes. Not every action is
    possible in every turn: ``action_masks()`` and ``info["action_mask"]`` tell which are. Choosing another one wastes
    the turn.

    ## Observation Space
    A `Box` of numbers in [0, 1] about the agent whose turn it is, named by ``features``: those of the menu, then
    d / (d + 1) for its depth d, then the share of each limit that is left (1 where there is none). After the end of
    the episode, all are 0.

    ``info`` has the ``agent``'s name and the ``action_mask``. At the end it also has ``is_success`` (whether the root
    was right, where that is known), the number of ``turns`` and ``agents``, and the ``tree``.

    ## Rewards
    ``-turn_cost`` for every turn of every agent. The last step adds the root's local node reward: its success signal,
    plus λ times the mean of its children's signals where ``delegation_bonus=λ`` is set. The return of an episode is
    therefore the root's reward, less the cost of the whole tree.

    ## Starting State
    As in the family's text environment, whose tasks are the same.

    ## Episode End
    The root's end, which always counts as terminated: limits are part of the observation, and running out of one is
    a failure, not an episode cut short whose future return should be estimated.

    ## Arguments
    ``turn_cost``, and all arguments of the text environment.

    Args:
        family: Where the family's class is, as ``module:Class``.
        menu: The menu, or where its class is, as ``module:Class``.
        render_mode: ``"human"`` prints the tree after every step, ``"ansi"`` returns it as text, ``"rgb_array"`` as
            an image.
        turn_cost: What each turn costs.
        **options: The arguments of the text environment.

    Attributes:
        menu: The menu.
        features: The names of the observation's numbers.
        text_env: The text environment that it plays.

    Raises:
        UnknownNameError: An option or the render mode does not exist.
        InvalidValueError: A value is out of range.
    """

    metadata = {"render_modes": [*RENDER_MODES, RGB_ARRAY], "render_fps": RENDER_FPS}  # noqa: RUF012  # as in gym.Env

    def __init__(
        self,
        family: str,
        menu: str | Menu,
        render_mode: str | None = None,
        *,
        turn_cost: float = DEFAULT_TURN_COST,
        **options: Any,
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise unknown_name("render mode", render_mode, self.metadata["render_modes"])
        if not is_number(turn_cost) or not 0 <= turn_cost < inf:
            raise InvalidValueError(f"turn_cost must be a number of at least 0, got {turn_cost!r}.")
        self.render_mode = render_mode
        self.turn_cost = float(turn_cost)
        self.text_env = RecursiveEnv(family, "ansi" if render_mode == RGB_ARRAY else render_mode, **options)
        self.menu: Menu = load_object(menu)() if isinstance(menu, str) else menu
        self.features = (*self.menu.features, *TURN_FEATURES)
        self.action_space: spaces.Discrete = spaces.Discrete(len(self.menu.actions))
        self.observation_space = spaces.Box(0.0, 1.0, shape=(len(self.features),), dtype=np.float32)
        self._turn: Turn | None = None
        self._choices: Choices | None = None
        self.__doc__ = _describe(self.menu)

    @property
    def tree(self) -> ExecutionTree:
        """The tree as it stands.

        Raises:
            UsageError: `reset` has not been called.
        """
        return self.text_env.tree

    @property
    def turn(self) -> Turn:
        """What a `Policy` sees of the agent that must act now.

        Raises:
            UsageError: There is none: `reset` has not been called, or the episode is over.
        """
        return self.text_env.turn

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are possible now; none once the episode is over. MaskablePPO calls this."""
        possible = {} if self._turn is None else self._offered(self._turn).texts
        return np.array([name in possible for name in self.menu.actions], dtype=np.bool_)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode and show its root.

        Args:
            seed: Starts a new series of tasks; None continues the current one.
            options: ``difficulty``, ``split`` or ``index`` of this one episode.

        Raises:
            UnknownNameError: An option or the split does not exist.
            InvalidValueError: A value is out of range, or the window cannot hold the opening messages.
        """
        self.text_env.reset(seed=seed, options=options)  # first: it checks the seed
        super().reset(seed=seed)
        return self._show(self.text_env.turn)

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take the chosen action of the agent that was shown last, and show the next one that is ready.

        Raises:
            InvalidValueError: There is no such action.
            UsageError: `reset` has not been called, or the episode is over.
        """
        if not self.action_space.contains(action):
            raise InvalidValueError(f"An action must be from 0 to {self.action_space.n - 1}, got {action!r}.")
        turn = self.text_env.turn if self._turn is None else self._turn
        name = self.menu.actions[int(action)]
        write = self._offered(turn).texts.get(name)
        return self.write(f"({name} is not possible in this turn.)" if write is None else write())

    def write(self, text: str) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Step with an action text of one's own, at the same cost: a `Policy` can play the same episodes.

        Raises:
            UsageError: `reset` has not been called, or the episode is over.
        """
        _, reward, terminated, truncated, _ = self.text_env.step(text)
        over = terminated or truncated
        observation, info = self._show(None if over else self.text_env.turn)
        return observation, reward - self.turn_cost, over, False, info

    def render(self) -> Any:
        """Return the tree as text or as an image, or print it, as the render mode says.

        Raises:
            UsageError: `reset` has not been called.
        """
        rendered = self.text_env.render()
        if self.render_mode != RGB_ARRAY or rendered is None:
            return rendered
        from rao_gym.viewer.image import text_as_image  # matplotlib is loaded only by those who look

        return text_as_image(rendered)

    def close(self) -> None:
        """Release the workers and the family's resources; closing twice does no harm."""
        self.text_env.close()

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the present choices, whose functions need not be picklable; a copy asks the menu again."""
        return self.__dict__ | {"_choices": None}

    def _offered(self, turn: Turn) -> Choices:
        """Return the choices of the present turn; the menu is asked once a turn.

        Raises:
            InvalidValueError: The menu broke its protocol.
        """
        if self._choices is None:
            self._choices = _checked(self.menu, self.menu.choices(turn))
        return self._choices

    def _show(self, turn: Turn | None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return the observation and the info of a turn; None stands for the end of the episode."""
        self._turn, self._choices = turn, None
        info: dict[str, Any] = {"action_mask": self.action_masks().astype(np.int8)}
        if turn is not None:
            limits = self.text_env.runtime.limits
            observation = [*self._offered(turn).features, *_turn_features(turn, limits)]
            return np.array(observation, dtype=np.float32), {"agent": turn.agent} | info
        tree = self.tree
        info |= {"agent": tree.root.name, "turns": tree.turns, "agents": len(tree), "tree": tree}
        if tree.root.signal is not None:
            info["is_success"] = tree.root.signal == 1.0
        return np.zeros(len(self.features), dtype=np.float32), info


def menu_env(env: gymnasium.Env[Any, Any]) -> MenuEnv:
    """Return the fixed-space view inside wrappers, for example to read ``menu.actions``.

    Raises:
        UsageError: There is none.
    """
    if not isinstance(env.unwrapped, MenuEnv):
        raise UsageError(
            f"{env.unwrapped} has no menu; environments with one have ids such as rao/LongContext-menu-v0."
        )
    return env.unwrapped


def _turn_features(turn: Turn, limits: Limits) -> list[float]:
    """Return the features of `TURN_FEATURES`."""
    shares = [turn.depth / (turn.depth + 1)]
    for name in LIMIT_NAMES:
        limit, left = getattr(limits, _LIMIT_FIELDS[name]), getattr(turn.limits, name)
        shares.append(1.0 if limit is None else min(1.0, left / max(1, limit)))
    return shares


def _checked(menu: Menu, choices: Choices) -> Choices:
    """Check what a menu offers, and return it.

    Raises:
        InvalidValueError: It breaks the menu's protocol; the message names the menu.
    """
    name = type(menu).__name__
    if len(choices.features) != len(menu.features):
        raise InvalidValueError(f"{name}: expected {len(menu.features)} features, got {len(choices.features)}.")
    for feature, value in zip(menu.features, choices.features, strict=True):
        if not 0 <= value <= 1:
            raise InvalidValueError(f"{name}: the feature {feature!r} must be in [0, 1], got {value!r}.")
    if not choices.texts:
        raise InvalidValueError(f"{name}: at least one action must be possible.")
    for action in choices.texts:
        if action not in menu.actions:
            raise unknown_name(f"action of {name}", action, menu.actions)
    return choices


def _describe(menu: Menu) -> str:
    """Return what an environment says of itself: its menu, then what all of them have in common."""
    own = cleandoc(type(menu).__doc__ or "").partition("\n\nArgs:\n")[0].partition("\n\nAttributes:\n")[0]
    shared = cleandoc(MenuEnv.__doc__ or "").partition("\n\nArgs:\n")[0].partition("\n\n")[2]
    return f"{own}\n\n{shared}"
