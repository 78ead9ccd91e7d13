"""Make an engine from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from rao_gym.errors import unknown_name
from rao_gym.plugins import build_part
from rao_train.engines.base import Engine, EngineSettings
from rao_train.engines.transformers import TransformersEngine

ENGINES = ("transformers", "module:name")
"""The forms of `EngineSettings.name`."""


@dataclass(frozen=True, kw_only=True)
class EngineParts:
    """The parts that an engine is made from.

    Attributes:
        model: The learner's model.
        end_ids: Tokens that end a turn.
        settings: The engine's settings.
        bf16: Whether the learner runs in bfloat16 (autocast).
    """

    model: nn.Module
    end_ids: Sequence[int]
    settings: EngineSettings
    bf16: bool = False


def make_engine(parts: EngineParts) -> Engine:
    """Return the engine that the settings name; ``module:name`` is called with the parts.

    Raises:
        UnknownNameError: There is no engine of that name.
        InvalidValueError: The module or the name in it is not there, or the engine refuses the model.
    """
    name = parts.settings.name
    if name == "transformers":
        return TransformersEngine(parts.model, parts.end_ids, parts.settings, bf16=parts.bf16)
    if ":" not in name:
        raise unknown_name("engine", name, ENGINES)
    engine: Engine = build_part("engine", name, {}, parts)
    return engine
