"""Tools: the functions that an agent can call, described once for every action form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rao_gym.errors import nearest, shortened
from rao_gym.jsonable import MAX_INTEGER_BITS

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
    "any": (object,),
}
_PYTHON_NAMES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "any": "Any",
}


class ToolError(Exception):
    """A call that a tool cannot carry out; the agent is shown the message."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a tool.

    Attributes:
        name: Its name.
        type: Its JSON schema type, or ``"any"``.
        description: Its meaning, for the agent.
        required: Whether a call must pass it.
    """

    name: str
    type: str
    description: str
    required: bool = True


@dataclass(frozen=True)
class ToolSpec:
    """A tool as an agent sees it.

    Attributes:
        name: Its name.
        description: What it does, in one or two sentences.
        parameters: Its parameters, in positional order.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()

    def schema(self) -> dict[str, Any]:
        """Return the tool as a JSON schema, for chat templates and OpenAI-compatible servers."""
        properties: dict[str, Any] = {}
        for parameter in self.parameters:
            kind = {} if parameter.type == "any" else {"type": parameter.type}
            properties[parameter.name] = kind | {"description": parameter.description}
        required = [parameter.name for parameter in self.parameters if parameter.required]
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {"type": "object", "properties": properties, "required": required},
            },
        }

    def signature(self) -> str:
        """Return the signature in Python, such as ``read(start: int, end: int)``."""
        parts = [
            f"{parameter.name}: {_PYTHON_NAMES[parameter.type]}" + ("" if parameter.required else " = None")
            for parameter in self.parameters
        ]
        return f"{self.name}({', '.join(parts)})"

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Match the arguments of a call to the parameters.

        Returns:
            The given arguments by name, without optional ones that were omitted.

        Raises:
            ToolError: An argument is unknown, given twice, missing or of the wrong type.
        """
        names = [parameter.name for parameter in self.parameters]
        if len(args) > len(names):
            raise ToolError(f"{self.name} takes at most {len(names)} arguments, got {len(args)}.")
        bound = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in names:
                hint = nearest(name, names)
                raise ToolError(
                    f"{self.name} has no argument {shortened(name)!r}."
                    + (f" Did you mean {hint!r}?" if hint else f" Use: {self.signature()}.")
                )
            if name in bound:
                raise ToolError(f"{self.name} got {name!r} twice.")
            bound[name] = value
        for parameter in self.parameters:
            self._check(parameter, bound)
        return bound

    def _check(self, parameter: Parameter, bound: dict[str, Any]) -> None:
        """Check one parameter's presence and type; None for an optional parameter counts as omitted."""
        if bound.get(parameter.name) is None and not parameter.required:
            bound.pop(parameter.name, None)
        elif parameter.name not in bound:
            raise ToolError(f"{self.name} needs {parameter.name!r}. Use: {self.signature()}.")
        else:
            value = bound[parameter.name]
            is_number = parameter.type in ("integer", "number")
            wrong_bool = isinstance(value, bool) and is_number
            if wrong_bool or not isinstance(value, _PYTHON_TYPES[parameter.type]):
                raise ToolError(
                    f"{self.name}: {parameter.name!r} must be {_PYTHON_NAMES[parameter.type]}, "
                    f"got {type(value).__name__}."
                )
            if is_number and isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
                raise ToolError(f"{self.name}: {parameter.name!r} must have at most 4,000 digits.")


@dataclass(frozen=True)
class ToolResult:
    """The result of a tool call.

    Attributes:
        value: The return value in a cell.
        shown: Text that always goes into the transcript. Under ``tools``, the reply is this text, or the value if
            it is empty.
        context: The caller's new context; None leaves it unchanged.
    """

    value: Any = None
    shown: str = ""
    context: Any = None


LAUNCH = "launch_subagent"
FINISH = "finish"


def finish_spec() -> ToolSpec:
    """Return the tool that ends a node and returns its value."""
    answer = Parameter("answer", "any", "Your answer: text, a number, a list or an object.")
    return ToolSpec(FINISH, "Hand back your answer and end.", (answer,))


def launch_spec(extra: Sequence[Parameter], description: str, *, goal_optional: bool = False) -> ToolSpec:
    """Return the tool that launches a sub-agent; the family's own parameters follow the goal."""
    goal = Parameter("goal", "string", "What the sub-agent must do.", required=not goal_optional)
    return ToolSpec(LAUNCH, description, (goal, *extra))
