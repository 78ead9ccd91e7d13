"""The sections ``environment`` and ``judge`` of a recipe: what is played, and who judges what nothing verifies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rao_gym.errors import InvalidValueError
from rao_gym.judges import Grading, check_judge, parse_signals
from rao_gym.plugins import check_part
from rao_gym.registry import Setup, make_setup

_DECIDED_ELSEWHERE: Final[Mapping[str, str]] = {
    "recursive": "environment.recursive",
    "difficulty": "curriculum.difficulties",
    "delegation_bonus": "credit.delegation_bonus",
}
"""Settings of episodes that a recipe has keys of its own for: as options they would be overruled in silence."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings:
    """What is played.

    Attributes:
        id: A registered id, or ``module:ID`` to import the module that registers it.
        recursive: Whether agents may launch sub-agents; False trains the single-agent baseline.
        options: Limits, settings and family options, as `rao_gym.make_setup` takes them, but for those that other
            keys of a recipe decide; TOML has no None, so ``"none"`` stands for it.
    """

    id: str = "rao/Arithmetic-v0"
    recursive: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options' names.

        Raises:
            InvalidValueError: One of them is decided by another key.
        """
        for name, key in _DECIDED_ELSEWHERE.items():
            if name in self.options:
                raise InvalidValueError(f"options.{name} has no effect in a recipe. Set {key} instead.")

    def setup(self) -> Setup:
        """Return the family and the settings of its episodes."""
        options = {name: None if value == "none" else value for name, value in self.options.items()}
        return make_setup(self.id, **{**options, "recursive": self.recursive})


ROOT_SIGNAL = "root_signal"


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """Who gives a success signal to the nodes that the family cannot verify.

    Attributes:
        name: ``root_signal``, the paper's proxy: the signal of the tree's root. ``openai:MODEL`` for a model behind an
            OpenAI-compatible server. Or ``module:name`` for a judge of your own; see `rao_gym.rewards.Judge`.
        options: Options of the model and its server; keyword arguments of a judge of your own that is a class.
        signals: Sources of success signals, in order: ``exact``, ``judge``, ``root`` and ``zero``, as in
            ``exact,judge,root``; ``none`` for ``exact,root,zero`` with ``root_signal``, ``exact,judge`` with a judge.
    """

    name: str = ROOT_SIGNAL
    options: Mapping[str, Any] = field(default_factory=dict)
    signals: str | None = None

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            UnknownNameError: There is no such judge or source.
            InvalidValueError: A built-in judge is given options, or judge and sources do not go together.
        """
        check_part("judge", self.name, (ROOT_SIGNAL,), self.options)
        if self.signals is not None:
            check_judge(parse_signals(self.signals), has_judge=self.name != ROOT_SIGNAL)

    def grading(self) -> Grading:
        """Return where the signals come from."""
        judge = None if self.name == ROOT_SIGNAL else self.name
        return Grading(signals=self.signals, judge=judge, judge_options=self.options)
