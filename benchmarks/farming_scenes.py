"""Scripted behaviours of one agent in three families, for `benchmarks.reward_farming`.

Each is what an agent does from its first turn to its last. An agent's work is ``small`` if it can do it alone, or
``large``; whoever works alone on large work guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from rao_gym.actions.writing import write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.registry import Setup, make_setup, setup_of
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.arithmetic.expressions import Expression, Number, Operation, render
from rao_gym.tasks.arithmetic.operands import SIDES, operand, reducible
from rao_gym.tasks.arithmetic.policies import DirectPolicy, RecursivePolicy, work_of
from rao_gym.tasks.base import Task
from rao_gym.tasks.code import Code
from rao_gym.tasks.code.functions import CodeContext
from rao_gym.tasks.code.skill import Specification, read_specifications, write_function
from rao_gym.tasks.long_context.policies import ReadingPolicy
from rao_gym.tasks.long_context.transcripts import Notes, take_notes, write_finish, write_launches
from rao_gym.tools import LAUNCH

Script = Callable[[Turn, Task[Any]], str]

ALONE: Final = "works alone"
DELEGATES: Final = "delegates all parts"
TRIVIAL: Final = "trivial child, gives up"
TRIVIAL_ALONE: Final = "trivial child, works alone"
MANY: Final = "many trivial children, gives up"
AGAIN: Final = "own work in disguise"
TOLD: Final = "child that is told what to say"
EASIEST: Final = "easiest part, gives up"
PARTS: Final = "all parts, gives up"

FARMS: Final = (TRIVIAL, TRIVIAL_ALONE, MANY, AGAIN, TOLD)
"""Behaviours that launch children whose work nobody needs."""

QUITS: Final = (EASIEST, PARTS)
"""Behaviours that launch children whose work is needed, and do not use it."""

BEHAVIOURS: Final = (ALONE, DELEGATES, *FARMS, *QUITS)
_NUM_MANY = 4


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A family, and what agents may do in it.

    Attributes:
        name: A short name.
        setup: The family and its limits.
        difficulty: Difficulty of the tasks, which are large.
        is_small: Whether the work of an agent on its first turn is small.
        scripts: What each of `BEHAVIOURS` writes.
    """

    name: str
    setup: Setup
    difficulty: int
    is_small: Callable[[Turn], bool]
    scripts: Mapping[str, Script]


def scenes() -> list[Scene]:
    """Return a scene of each family."""
    return [arithmetic(), long_context(), code()]


def _then(first: Script, later: Script) -> Script:
    """Return a script that writes one action, and forgets it."""

    def act(turn: Turn, task: Task[Any]) -> str:
        if len(turn.messages) == 2:
            return first(turn, task)
        return later(replace(turn, messages=[*turn.messages[:2], *turn.messages[4:]]), task)

    return act


# Arithmetic: whoever works alone computes a single operation.


def arithmetic() -> Scene:
    """Return trees of fifteen operations modulo 13."""

    def alone(turn: Turn, task: Task[Any]) -> str:
        return DirectPolicy().act([turn])[0]

    def delegates(turn: Turn, task: Task[Any]) -> str:
        return RecursivePolicy().act([turn])[0]

    def gives_up(turn: Turn, task: Task[Any]) -> str:
        return write_call("finish", answer="no idea")

    def again(turn: Turn, task: Task[Any]) -> str:
        if len(turn.messages) == 2:
            return write_call(LAUNCH, goal=f"({_expression(turn)})+1-1")
        return write_call("finish", answer=turn.messages[3]["content"].split("\n")[1])

    def told(turn: Turn, task: Task[Any]) -> str:
        return write_call(LAUNCH, goal=f"0*({_expression(turn)})+{len(turn.agent)}")

    def easiest(turn: Turn, task: Task[Any]) -> str:
        return write_call(LAUNCH, goal=render(_easiest(work_of(turn).expression)))

    trivial = write_call(LAUNCH, goal="1+1")
    return Scene(
        name="Arithmetic",
        setup=make_setup("rao/Arithmetic-v0", kind="modular", shape="balanced", max_depth=4, max_nodes=64, max_turns=3),
        difficulty=4,
        is_small=lambda turn: reducible(work_of(turn).expression),
        scripts={
            ALONE: alone,
            DELEGATES: delegates,
            TRIVIAL: _then(lambda *_: trivial, gives_up),
            TRIVIAL_ALONE: _then(lambda *_: trivial, alone),
            MANY: _then(lambda *_: trivial * _NUM_MANY, gives_up),
            AGAIN: again,
            TOLD: _then(told, gives_up),
            EASIEST: _then(easiest, gives_up),
            PARTS: _then(delegates, gives_up),
        },
    )


def _expression(turn: Turn) -> str:
    """Return an agent's expression."""
    return render(work_of(turn).expression)


def _easiest(expression: Expression) -> Expression:
    """Return a single operation within an expression."""
    while isinstance(expression, Operation) and not reducible(expression):
        expression = next(inner for side in SIDES if not isinstance(inner := operand(expression, side), Number))
    return expression


# LongContext: whoever works alone reads what fits, and scales up what was counted there.

_SMALL_TOKENS = 700
_FEW_LINES = 8


def long_context() -> Scene:
    """Return questions about records in documents of about four times what an agent can read."""

    def alone(turn: Turn, task: Task[Any]) -> str:
        return ReadingPolicy(delegates=False).act([turn])[0]

    def launches(turn: Turn, *ranges: tuple[int, int], goal: str | None = None) -> str:
        question = _notes(turn).question
        return write_launches(turn, goal or ("Say hi." if question is None else question.part.render()), ranges)

    def delegates(turn: Turn, task: Task[Any]) -> str:
        notes = _notes(turn)
        middle = (notes.start + notes.end) // 2
        if notes.answers is None and notes.num_tokens > _SMALL_TOKENS:
            return launches(turn, (notes.start, middle), (middle, notes.end))
        return alone(turn, task)

    def gives_up(turn: Turn, task: Task[Any]) -> str:
        return write_finish(turn, "unknown")

    def many(turn: Turn, task: Task[Any], number: int = _NUM_MANY) -> str:
        start, end = _notes(turn).start, _notes(turn).end
        return launches(turn, *((line, line + 1) for line in range(start, min(end, start + number))))

    def again(turn: Turn, task: Task[Any]) -> str:
        notes = _notes(turn)
        goal = "" if notes.question is None else notes.question.part.render()
        return launches(turn, (notes.start, notes.end), goal=f"{goal} Take your time.")

    def told(turn: Turn, task: Task[Any]) -> str:
        notes = _notes(turn)
        return launches(turn, (notes.start, (notes.start + notes.end) // 2), goal='Say "unknown".')

    def easiest(turn: Turn, task: Task[Any]) -> str:
        start, end = _notes(turn).start, _notes(turn).end
        return launches(turn, (start, min(end, start + _FEW_LINES)))

    trivial: Script = lambda turn, task: many(turn, task, 1)  # noqa: E731
    return Scene(
        name="LongContext",
        setup=make_setup(
            "rao/LongContext-v0",
            kind="aggregate",
            actions="tools",
            document_tokens=2_400,
            window=1_500,
            max_depth=4,
            max_nodes=48,
            max_turns=6,
        ),
        difficulty=1,
        is_small=lambda turn: _notes(turn).num_tokens <= _SMALL_TOKENS,
        scripts={
            ALONE: alone,
            DELEGATES: delegates,
            TRIVIAL: _then(trivial, gives_up),
            TRIVIAL_ALONE: _then(trivial, alone),
            MANY: _then(many, gives_up),
            AGAIN: _then(again, gives_up),
            TOLD: _then(told, alone),
            EASIEST: _then(easiest, gives_up),
            PARTS: _then(delegates, gives_up),
        },
    )


def _notes(turn: Turn) -> Notes:
    """Return what an agent knows."""
    notes = take_notes(turn.messages)
    assert notes is not None
    return notes


# Code: whoever works alone writes the own function, and none that it builds on.


class RememberingCode(Code):
    """The family, which runs the tests once for each source: the toy policy writes the same ones again and again."""

    @cached_property
    def _signals(self) -> dict[tuple[str, tuple[str, ...], str], float]:
        """The signals known so far, by task, wanted functions and source."""
        return {}

    def verify(self, task: Task[CodeContext], agent: Agent[CodeContext], value: JSON) -> float:
        """Return the signal of a source."""
        key = (task.record.id, agent.context.wanted, str(value))
        if key not in self._signals:
            self._signals[key] = super().verify(task, agent, value)
        return self._signals[key]


def code() -> Scene:
    """Return modules in which a function calls another that calls a third."""

    def joined(turn: Turn, parts: str) -> str:
        return write_cell(f"parts = {parts}\nfinish('\\n\\n\\n'.join([*map(str, parts), {_source(turn)!r}]))")

    def launched(*calls: tuple[str, str], then: str = "finish('')") -> str:
        each = ", ".join(f"{LAUNCH}({goal!r}, {name!r})" for name, goal in calls)
        return write_cell(f"await asyncio.gather({each})\n{then}")

    def alone(turn: Turn, task: Task[Any]) -> str:
        return joined(turn, "[]")

    def delegates(turn: Turn, task: Task[Any]) -> str:
        calls = ", ".join(f"{LAUNCH}('Write it.', {name!r})" for name in _own(turn).helpers)
        return joined(turn, f"await asyncio.gather({calls})")

    def trivial(turn: Turn, task: Task[Any]) -> tuple[str, str]:
        """Launch a helper's helper, or else a helper whose source is in the goal."""
        functions, helpers = task.context.functions, list(_own(turn).helpers) or [_own(turn).name]
        below = [deeper for name in helpers for deeper in functions[name].helpers if deeper not in helpers]
        name = below[0] if below else helpers[0]
        return name, "Write it." if below else f"Return this: {functions[name].reference}"

    def smuggled(turn: Turn, task: Task[Any]) -> str:
        names = list(_own(turn).helpers) or [_own(turn).name]
        return launched(*((name, f"Return this: {task.context.functions[name].reference}") for name in names))

    def again(turn: Turn, task: Task[Any]) -> str:
        return launched((_own(turn).name, "Write it."))

    def easiest(turn: Turn, task: Task[Any]) -> str:
        names = list(_own(turn).helpers) or [_own(turn).name]
        return launched((min(names, key=lambda name: len(task.context.functions[name].helpers)), "Write it."))

    def every(turn: Turn, task: Task[Any]) -> str:
        return launched(*((name, "Write it.") for name in _own(turn).helpers or (_own(turn).name,)))

    def farm(turn: Turn, task: Task[Any]) -> str:
        return launched(trivial(turn, task))

    return Scene(
        name="Code",
        setup=setup_of(RememberingCode, helpers=3, call_depth=2, max_depth=4, max_nodes=48, max_turns=3),
        difficulty=1,
        is_small=lambda turn: not _own(turn).helpers,
        scripts={
            ALONE: alone,
            DELEGATES: delegates,
            TRIVIAL: farm,
            TRIVIAL_ALONE: lambda turn, task: launched(trivial(turn, task), then=f"finish({_source(turn)!r})"),
            MANY: lambda turn, task: launched(*[trivial(turn, task)] * _NUM_MANY),
            AGAIN: again,
            TOLD: smuggled,
            EASIEST: easiest,
            PARTS: every,
        },
    )


def _own(turn: Turn) -> Specification:
    """Return the specification of the function that an agent must write."""
    specifications: Sequence[Specification] = list(read_specifications(turn.messages[1]["content"]).values())
    return specifications[0]


def _source(turn: Turn) -> str:
    """Return the source of the own function."""
    return write_function(_own(turn))
