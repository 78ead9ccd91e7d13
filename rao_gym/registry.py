"""The registry of families, and how every view is built from an id and keyword options.

Gymnasium's registry is the only one: an id registered there with our entry point names a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import import_module
from inspect import signature
from math import inf
from typing import Any

import gymnasium

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.limits import Limits, TextCounter, TokenCounter, TranscriptCounter, check_count, is_number
from rao_gym.plugins import find_modules_here, load_object
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import SPLITS, TaskFamily

ENTRY_POINT = "rao_gym.envs.gymnasium:RecursiveEnv"
MENU_ENTRY_POINT = "rao_gym.wrappers.menus.environment:MenuEnv"


@dataclass(frozen=True, kw_only=True)
class EpisodeSettings:
    """Settings of every view, besides the limits and the family's own options.

    Attributes:
        difficulty: Difficulty of the tasks, at least 1.
        split: Split to sample tasks from.
        actions: Action form; None means the family's default.
        recursive: Whether agents may launch sub-agents.
        delegation_bonus: λ of Eq. 1 (arXiv:2605.06639), for the rewards of individual agents.
        count_tokens: Counts the tokens of a message. By default, policies that are models count their own tokens, and
            for all others four characters count as one token.
    """

    difficulty: int = 1
    split: str = "train"
    actions: str | None = None
    recursive: bool = True
    delegation_bonus: float = 0.0
    count_tokens: TokenCounter | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
            UnknownNameError: The split does not exist.
        """
        object.__setattr__(self, "difficulty", check_count("difficulty", self.difficulty))
        if self.actions is not None and not isinstance(self.actions, str):
            raise InvalidValueError(f"actions must name an action form or be None, got {self.actions!r}.")
        if not isinstance(self.recursive, bool):
            raise InvalidValueError(f"recursive must be True or False, got {self.recursive!r}.")
        if self.split not in SPLITS:
            raise unknown_name("split", self.split, SPLITS)
        bonus = self.delegation_bonus
        if not is_number(bonus) or not 0 <= bonus < inf:
            raise InvalidValueError(f"delegation_bonus must be a number of at least 0, got {bonus!r}.")
        object.__setattr__(self, "delegation_bonus", float(bonus))
        if self.count_tokens is not None and not callable(self.count_tokens):
            raise InvalidValueError(
                f"count_tokens must be a function from a text to its number of tokens, got {self.count_tokens!r}."
            )


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A family and the settings of its episodes.

    Attributes:
        family: The family.
        limits: Limits of a tree and its nodes.
        settings: All other settings.
    """

    family: TaskFamily[Any]
    limits: Limits
    settings: EpisodeSettings

    def runtime(self, sandbox: Sandbox | None = None, counter: TranscriptCounter | None = None) -> Runtime[Any]:
        """Return a new runtime.

        Args:
            sandbox: Where cells run; a new one by default.
            counter: The token counter of the model that plays; `settings.count_tokens` takes precedence.
        """
        return Runtime(
            self.family,
            self.limits,
            self.settings.actions,
            recursive=self.settings.recursive,
            counter=self.counter(counter),
            sandbox=sandbox,
        )

    def counter(self, counter: TranscriptCounter | None = None) -> TranscriptCounter:
        """Return what counts tokens: `settings.count_tokens`, else the model's `counter`, else four characters each."""
        count_tokens = self.settings.count_tokens
        if count_tokens is not None:
            return TextCounter(count_tokens)
        return counter or TextCounter()


def register(id: str, family: str) -> None:
    """Register a family and its Gymnasium view.

    Args:
        id: The id, with a namespace and a version, such as ``rao/LongContext-v0``.
        family: The family's class as ``module:Class``; imported when first needed.
    """
    gymnasium.register(id=id, entry_point=ENTRY_POINT, kwargs={"family": family})


def register_menu(id: str, family: str, menu: str, **defaults: Any) -> None:
    """Register a fixed-space view of a family.

    Args:
        id: The id, such as ``rao/LongContext-menu-v0``.
        family: The family's class as ``module:Class``.
        menu: The menu's class as ``module:Class``; see `rao_gym.wrappers.Menu`.
        **defaults: Options of `MenuEnv` that are set unless the user sets them.
    """
    gymnasium.register(id=id, entry_point=MENU_ENTRY_POINT, kwargs={"family": family, "menu": menu, **defaults})


def menu_ids(family: str | None = None) -> list[str]:
    """Return the ids of all registered fixed-space views, sorted; with a family's ``module:Class``, of that alone."""
    specs = [spec for spec in gymnasium.registry.values() if spec.entry_point == MENU_ENTRY_POINT]
    return sorted(spec.id for spec in specs if family in (None, spec.kwargs["family"]))


def registered_ids() -> list[str]:
    """Return the ids of all registered families, sorted."""
    return sorted(id for id, spec in gymnasium.registry.items() if spec.entry_point == ENTRY_POINT)


def family_class(id: str) -> type[TaskFamily[Any]]:
    """Return the class of a registered family.

    Args:
        id: Its id, or ``module:ID`` to import the module that registers it.

    Raises:
        UnknownNameError: No family has that id.
        InvalidValueError: The module cannot be imported.
    """
    id = resolve_id(id)
    if id not in registered_ids():
        raise unknown_name("environment id", id, registered_ids())
    family: type[TaskFamily[Any]] = load_object(gymnasium.registry[id].kwargs["family"])
    return family


def resolve_id(text: str) -> str:
    """Return an environment's id; ``module:ID`` imports the module first, which registers the id, as in Gymnasium.

    Raises:
        InvalidValueError: The module cannot be imported.
    """
    module, colon, id = text.partition(":")
    if not colon:
        return text
    find_modules_here()
    try:
        import_module(module)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise InvalidValueError(f"Cannot import {module!r}: {type(error).__name__}: {error}.") from error
    return id


def make_setup(id: str, **options: Any) -> Setup:
    """Build a family and the settings of its episodes from an id and options.

    Args:
        id: A registered id, or ``module:ID``.
        **options: Any limit of `Limits`, setting of `EpisodeSettings`, or option of the family.

    Raises:
        UnknownNameError: The id or an option does not exist.
        InvalidValueError: A value is out of range.
    """
    return setup_of(family_class(id), **options)


def setup_of(family: type[TaskFamily[Any]], **options: Any) -> Setup:
    """Like `make_setup`, given a family's class.

    Raises:
        UnknownNameError: An option does not exist.
        InvalidValueError: A value is out of range.
    """
    limit_names = {field.name for field in fields(Limits)}
    setting_names = {field.name for field in fields(EpisodeSettings)}
    family_names = set(signature(family).parameters)
    for name in options:
        if name not in limit_names | setting_names | family_names:
            raise unknown_name(f"option of {family.id}", name, sorted(limit_names | setting_names | family_names))
    return Setup(
        family=family(**_pick(options, family_names)),
        limits=replace(family.default_limits, **_pick(options, limit_names)),
        settings=EpisodeSettings(**_pick(options, setting_names)),
    )


def _pick(options: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the options with these names."""
    return {name: value for name, value in options.items() if name in names}
