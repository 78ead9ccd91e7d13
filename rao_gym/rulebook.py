"""What holds for every tree of a runtime: family, limits, tools, action form, and the messages that explain them."""

from __future__ import annotations

from typing import Any, Generic

from rao_gym.actions import ACTION_FORMS, ActionForm, PythonActions, ToolCallActions
from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.limits import CHARACTERS_PER_TOKEN, Limits, TextCounter, TranscriptCounter
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import ContextT
from rao_gym.tasks.base import TaskFamily
from rao_gym.tasks.contract import Contract
from rao_gym.tools import ToolSpec, finish_spec, launch_spec

MAX_OUTPUT_CHARS = 1_000_000
"""Text of one reply where the window sets no tighter limit."""


class Rulebook(Generic[ContextT]):
    """The rules of one runtime.

    Args:
        family: The task family.
        limits: What a tree and its nodes may use.
        actions: ``"python"`` or ``"tools"``; the family's default when None.
        recursive: Whether agents may launch sub-agents.
        counter: Counts the tokens of transcripts; by their characters when None.
        sandbox: Where cells run; an own one when None.

    Attributes:
        contract: The task family.
        limits: What a tree and its nodes may use.
        counter: Counts the tokens of transcripts.
        goal_optional: Whether a launch may leave the goal empty.
        form: The action form.
        tool_specs: Every tool that an agent may call.
        specs_by_name: The same by their names.
        system: The system message of every transcript.
        max_output_chars: Text of one message beyond this cannot fit in the window.

    Raises:
        UnknownNameError: There is no such action form.
        InvalidValueError: The family cannot be played with it.
        FamilyError: The family returned what its contract does not allow.
    """

    def __init__(
        self,
        family: TaskFamily[ContextT],
        limits: Limits,
        actions: str | None,
        *,
        recursive: bool,
        counter: TranscriptCounter | None,
        sandbox: Sandbox | None,
    ) -> None:
        self.contract = Contract(family)
        self.limits = limits
        self.counter = counter or TextCounter()
        self.goal_optional = family.goal_optional
        self.form = _action_form(family, actions, sandbox)
        launch = launch_spec(family.launch_parameters, family.launch_description, goal_optional=family.goal_optional)
        own_tools = self.contract.tool_specs()
        self.tool_specs: tuple[ToolSpec, ...] = (*own_tools, *([launch] if recursive else []), finish_spec())
        self.specs_by_name = {spec.name: spec for spec in self.tool_specs}
        self.system = f"{self.contract.rules(recursive=recursive)}\n\n{self.form.instructions(self.tool_specs)}"
        window = limits.window
        self.max_output_chars = MAX_OUTPUT_CHARS if window is None else 2 * CHARACTERS_PER_TOKEN * window
        self._recursive = recursive

    def limits_line(self, depth: int, turns: int | None) -> str:
        """Tell a new agent what it may use, empty where nothing is limited.

        Args:
            depth: Its depth.
            turns: Turns that it may take, None for no limit.
        """
        parts = []
        if self._recursive and self.limits.max_depth is not None:
            parts.append(f"You are at depth {depth} of at most {self.limits.max_depth}.")
        if turns is not None:
            parts.append(f"Turns: {turns}.")
        if self.limits.window is not None:
            parts.append(f"Window: {self.limits.window:,} tokens.")
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
