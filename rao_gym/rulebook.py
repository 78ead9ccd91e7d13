"""What all agents of a runtime have in common: their tools, their action form, and the messages that explain them."""

from __future__ import annotations

from typing import Any

from rao_gym.actions import ACTION_FORMS, ActionForm, PythonActions, ToolCallActions
from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.limits import CHARACTERS_PER_TOKEN, Limits
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import TaskFamily
from rao_gym.tasks.contract import Contract
from rao_gym.tools import ToolSpec, finish_spec, launch_spec

MAX_OUTPUT_CHARS = 1_000_000
"""Text of one reply where the window sets no tighter limit."""


class Rulebook:
    """The rules of one runtime.

    Args:
        family: The task family.
        limits: What a tree and its nodes may use.
        actions: ``"python"`` or ``"tools"``; the family's default when None.
        recursive: Whether agents may launch sub-agents.
        sandbox: Where cells run; an own one when None.

    Attributes:
        form: The action form.
        tool_specs: Every tool that an agent may call.
        specs_by_name: The same by their names.
        system: The system message of every transcript.
        max_output_chars: Text of one reply beyond this cannot fit in the window.

    Raises:
        UnknownNameError: There is no such action form.
        InvalidValueError: The family cannot be played with it.
        FamilyError: The family returned what its contract does not allow.
    """

    def __init__(
        self, family: TaskFamily[Any], limits: Limits, actions: str | None, *, recursive: bool, sandbox: Sandbox | None
    ) -> None:
        contract = Contract(family)
        self.form = _action_form(family, actions, sandbox)
        launch = launch_spec(family.launch_parameters, family.launch_description, goal_optional=family.goal_optional)
        own_tools = contract.tool_specs()
        self.tool_specs: tuple[ToolSpec, ...] = (*own_tools, *([launch] if recursive else []), finish_spec())
        self.specs_by_name = {spec.name: spec for spec in self.tool_specs}
        self.system = f"{contract.rules(recursive=recursive)}\n\n{self.form.instructions(self.tool_specs)}"
        window = limits.window
        self.max_output_chars = MAX_OUTPUT_CHARS if window is None else 2 * CHARACTERS_PER_TOKEN * window
        self._limits = limits
        self._recursive = recursive

    def limits_line(self, depth: int, turns: int | None) -> str:
        """Tell a new agent what it may use, empty where nothing is limited.

        Args:
            depth: Its depth.
            turns: Turns that it may take, None for no limit.
        """
        parts = []
        if self._recursive and self._limits.max_depth is not None:
            parts.append(f"You are at depth {depth} of at most {self._limits.max_depth}.")
        if turns is not None:
            parts.append(f"Turns: {turns}.")
        if self._limits.window is not None:
            parts.append(f"Window: {self._limits.window:,} tokens.")
        return " ".join(parts)


def _action_form(family: TaskFamily[Any], actions: str | None, sandbox: Sandbox | None) -> ActionForm:
    """Return the action form by its name.

    Raises:
        UnknownNameError: There is no such form.
        InvalidValueError: The family cannot be played with it.
    """
    name = actions or family.action_forms[0]
    if name not in ACTION_FORMS:
        raise unknown_name("action form", name, ACTION_FORMS)
    if name not in family.action_forms:
        raise InvalidValueError(family.why_not(name))
    return PythonActions(sandbox) if name == "python" else ToolCallActions()
