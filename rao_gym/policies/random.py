"""The random policy: well-formed calls with random arguments, and junk.

It is not meant to solve tasks, but to exercise an environment with anything that a policy may write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from rao_gym.actions.writing import write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.limits import check_count
from rao_gym.policies.base import Turn
from rao_gym.tools import FINISH, LAUNCH, Parameter, ToolSpec

_CALL_SHARE = 0.8
_MAX_CALLS = 3
_WORDS = ("sum", "the", "numbers", "find", "value", "left", "right", "read", "all", "list", "", "Ünïcode ✓", "0")
_JUNK = (
    "",
    "I am not sure what to do.",
    "```python\nprint(",
    "```python\nprint(undefined_name)\n```",
    "```python\nimport os\nos.remove('x')\n```",
    '<tool_call>{"name": "finish"',
    '<tool_call>{"name": "nothing", "arguments": {}}</tool_call>',
    "<tool_call>[]</tool_call>",
    "\ud800\x00\u202e",
    "word " * 400,
)


@dataclass(frozen=True, kw_only=True)
class RandomPolicy:
    """Draws each action from the turn and a seed alone, so that batching and order do not matter.

    Attributes:
        seed: Seed of the draws, at least 0.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        """Check the seed.

        Raises:
            InvalidValueError: The seed is not an integer of at least 0.
        """
        check_count("seed", self.seed, minimum=0)

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Return a random action text for each turn."""
        return [self._answer(turn) for turn in turns]

    def _answer(self, turn: Turn) -> str:
        """Draw calls, or junk."""
        generator = self._generator(turn)
        if generator.random() >= _CALL_SHARE:
            return _JUNK[generator.integers(len(_JUNK))]
        num_calls = int(generator.integers(1, _MAX_CALLS + 1))
        specs = [turn.tools[int(generator.integers(len(turn.tools)))] for _ in range(num_calls)]
        write = _python_cell if turn.actions == "python" else _tool_calls
        return write([(spec, _arguments(spec, generator)) for spec in specs])

    def _generator(self, turn: Turn) -> np.random.Generator:
        """Return the generator of one turn: a function of the seed, the agent and what it saw last."""
        seen = [self.seed, turn.agent, len(turn.messages), turn.messages[1]["content"], turn.messages[-1]["content"]]
        digest = sha256(json.dumps(seen).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))


_Arguments = dict[str, JSON]


def _tool_calls(calls: Sequence[tuple[ToolSpec, _Arguments]]) -> str:
    """Write calls as ``<tool_call>`` blocks."""
    return "\n".join(write_call(spec.name, **arguments) for spec, arguments in calls)


def _python_cell(calls: Sequence[tuple[ToolSpec, _Arguments]]) -> str:
    """Write calls as a cell; launches are awaited together."""
    lines = [_python_call(spec, arguments) for spec, arguments in calls if spec.name not in (LAUNCH, FINISH)]
    launches = [_python_call(spec, arguments) for spec, arguments in calls if spec.name == LAUNCH]
    if launches:
        lines.append(f"results = await asyncio.gather({', '.join(launches)})\nprint(results)")
    lines.extend(_python_call(spec, arguments) for spec, arguments in calls if spec.name == FINISH)
    return write_cell("\n".join(lines))


def _python_call(spec: ToolSpec, arguments: _Arguments) -> str:
    """Write one call as Python."""
    return f"{spec.name}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def _arguments(spec: ToolSpec, generator: np.random.Generator) -> _Arguments:
    """Draw arguments of the right types; optional ones are omitted half of the time."""
    return {
        parameter.name: _value(parameter, generator)
        for parameter in spec.parameters
        if parameter.required or generator.random() < 0.5
    }


def _value(parameter: Parameter, generator: np.random.Generator) -> JSON:
    """Draw a value of the parameter's type."""
    draw: dict[str, Callable[[], JSON]] = {
        "string": lambda: " ".join(_WORDS[i] for i in generator.integers(len(_WORDS), size=generator.integers(1, 6))),
        "integer": lambda: int(generator.integers(-2, 2 ** int(generator.integers(1, 12)))),
        "number": lambda: round(float(generator.normal(scale=100)), 3),
        "boolean": lambda: bool(generator.integers(2)),
        "array": lambda: [int(item) for item in generator.integers(0, 100, size=generator.integers(0, 5))],
        "object": lambda: {_WORDS[i]: int(i) for i in generator.integers(len(_WORDS), size=2)},
    }
    kind = parameter.type if parameter.type in draw else str(generator.choice(sorted(draw)))
    return draw[kind]()
