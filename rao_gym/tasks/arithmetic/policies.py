"""Scripted policies for arithmetic, which act on their transcripts alone.

All of them share one skill: an agent computes **a single operation on two numbers per turn, exactly**, and must write
it down, as a note or as its answer. `skill_columns` also limits the numbers: it is the most columns in which both
numbers of a sum have significant digits, and the most pairs of significant digits of a product. Longer operations are
first split into partial results (`rao_gym.tasks.arithmetic.operands.split`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from rao_gym.actions.calls import read_calls
from rao_gym.actions.writing import write_call
from rao_gym.policies.base import Turn
from rao_gym.tasks.arithmetic.answers import number_of, written
from rao_gym.tasks.arithmetic.expressions import (
    Expression,
    ExpressionError,
    Number,
    Operation,
    Value,
    evaluate,
    parse,
    render,
)
from rao_gym.tasks.arithmetic.operands import (
    LEFT,
    RIGHT,
    SIDES,
    columns,
    operand,
    reducible,
    split,
    substitute,
)
from rao_gym.tools import FINISH, LAUNCH

SKILL_COLUMNS: Final = 1
"""The skill of the reference policies for long numbers."""

_OPENING = re.compile(r"Compute(?: modulo ([0-9]+))?: ([^\n]+)")
_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


def finish(value: Value) -> str:
    """Return the action that finishes with a value."""
    return write_call(FINISH, answer=written(value))


@dataclass(frozen=True)
class Work:
    """The state of an agent's work, read from its transcript.

    Attributes:
        expression: The current expression, after all results and notes.
        modulus: The modulus, or None for ordinary arithmetic.
    """

    expression: Expression
    modulus: int | None


def work_of(turn: Turn, skill_columns: int | None = None) -> Work:
    """Read an agent's transcript: its opening, the results of its launches, and its notes."""
    opening = _OPENING.search(turn.messages[1]["content"])
    if opening is None:
        raise ValueError(f"not an arithmetic transcript: {turn.messages[1]['content'][:80]!r}")
    modulus = int(opening[1]) if opening[1] else None
    expression = parse(opening[2], modulus)
    for name, arguments, response in _exchanges(turn):
        if name == "note":
            expression = _noted(expression, str(arguments.get("text")), skill_columns)
        elif name == LAUNCH and "operand" in arguments:
            expression = _parsed(response, modulus) or expression
        elif name == LAUNCH:
            expression = _filled(expression, str(arguments.get("goal")), response, skill_columns)
    return Work(expression, modulus)


def _exchanges(turn: Turn) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Return each call of an agent, by name and arguments, with its response."""
    for action, reply in zip(turn.messages[2::2], turn.messages[3::2], strict=False):
        calls, responses = read_calls(action["content"]), _RESPONSE.findall(reply["content"])
        for call, response in zip(calls, responses, strict=False):
            if not call.error:
                yield call.name, call.arguments, response


def _parsed(text: str, modulus: int | None) -> Expression | None:
    """Parse an expression; None if the text is something else, such as a failure."""
    try:
        return parse(text, modulus)
    except ExpressionError:
        return None


def _noted(expression: Expression, note: str, skill_columns: int | None) -> Expression:
    """Return the expression after a note such as ``3+8=11``; unchanged if that is not its first operation."""
    path = _path_to_first(expression, skill_columns)
    step, _, result = note.rpartition("=")
    value = number_of(result)
    if value is None or not path or step != render(path[-1][0]):
        return expression
    return _rebuilt(path[:-1], Number(value))


def _filled(expression: Expression, goal: str, response: str, skill_columns: int | None) -> Expression:
    """Return the expression with a response substituted for the operand that was written out as `goal`."""
    whole = divided(expression, skill_columns)
    value = number_of(response)
    if value is None or isinstance(whole, Number):
        return expression
    for side in SIDES:
        if render(operand(whole, side)) == goal:
            return substitute(whole, side, value)
    return expression


def divided(expression: Expression, skill_columns: int | None) -> Expression:
    """Split an operation that exceeds the skill into its partial results; return anything else unchanged."""
    amount = None if skill_columns is None else columns(expression)
    if amount is None or skill_columns is None or amount <= skill_columns:
        return expression
    return split(expression) or expression


def _path_to_first(expression: Expression, skill_columns: int | None) -> list[tuple[Operation, str]]:
    """Return the path to the first operation on two numbers that is within the skill.

    Returns:
        The operations from the top down, each with the side on which the path continues (``""`` for the last one).
    """
    path: list[tuple[Operation, str]] = []
    whole = divided(expression, skill_columns)
    while isinstance(whole, Operation):
        side = LEFT if isinstance(whole.left, Operation) else RIGHT if isinstance(whole.right, Operation) else ""
        path.append((whole, side))
        if not side:
            break
        whole = divided(operand(whole, side), skill_columns)
    return path


def _rebuilt(path: Sequence[tuple[Operation, str]], part: Expression) -> Expression:
    """Return the whole expression with `part` at the end of the path."""
    for whole, side in reversed(path):
        left, right = (part, whole.right) if side == LEFT else (whole.left, part)
        part = Operation(whole.operator, left, right, whole.grouped)
    return part


@dataclass(frozen=True, kw_only=True)
class SinglePolicy:
    """Works alone: notes one operation per turn, then finishes. Long expressions exceed its turns or its window.

    Attributes:
        skill_columns: How long the numbers of one operation may be; None means any length.
    """

    skill_columns: int | None = None

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [self.step(work_of(turn, self.skill_columns)) for turn in turns]

    def step(self, work: Work) -> str:
        """Note the first operation, or finish with the last one."""
        if isinstance(work.expression, Number):
            return finish(work.expression.value)
        path = _path_to_first(work.expression, self.skill_columns)
        operation = path[-1][0]
        return finish(evaluate(operation, work.modulus)) if len(path) == 1 else _note(operation, work.modulus)


def _note(operation: Operation, modulus: int | None) -> str:
    """Return the action that notes an operation and its result."""
    return write_call("note", text=f"{render(operation)}={written(evaluate(operation, modulus))}")


@dataclass(frozen=True)
class NotingPolicy:
    """Works alone and notes one operation per turn, the last one too, then finishes with what it noted.

    A model that learns from it computes in one way only, whatever the operation is part of. One that learns from
    `SinglePolicy` has to compute the last operation within its answer, and meets single operations as whole tasks only:
    the few that are left for training.
    """

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [self._step(work_of(turn)) for turn in turns]

    def _step(self, work: Work) -> str:
        """Note the first operation, or finish with the number that is left."""
        if isinstance(work.expression, Number):
            return finish(work.expression.value)
        return _note(_path_to_first(work.expression, None)[-1][0], work.modulus)


@dataclass(frozen=True, kw_only=True)
class RecursivePolicy:
    """Launches every operand that is not a number, all in one message, and computes the remaining operation.

    If it cannot launch any more, it continues alone, like `SinglePolicy`.

    Attributes:
        skill_columns: How long the numbers of one operation may be; None means any length.
        written: Whether goals are written out; otherwise operands are named.
    """

    skill_columns: int | None = None
    written: bool = False

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [self._step(turn) for turn in turns]

    def _step(self, turn: Turn) -> str:
        work = work_of(turn, self.skill_columns)
        whole = divided(work.expression, self.skill_columns)
        if isinstance(whole, Number) or reducible(whole) or not may_launch(turn):
            return SinglePolicy(skill_columns=self.skill_columns).step(work)
        sides = [side for side in SIDES if isinstance(operand(whole, side), Operation)]
        if self.written:
            return "\n".join(write_call(LAUNCH, goal=render(operand(whole, side))) for side in sides)
        return "\n".join(write_call(LAUNCH, operand=side) for side in sides)


@dataclass(frozen=True, kw_only=True)
class EagerPolicy:
    """Launches both operands of every longer expression without looking at them, and computes the remaining operation.

    If an operand is a number, its launch is refused, and the policy copes with that. It therefore always delegates in
    the same way, which suits demonstrations for models that have to learn when to delegate.
    """

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [self._step(turn) for turn in turns]

    def _step(self, turn: Turn) -> str:
        work = work_of(turn)
        if isinstance(work.expression, Number) or reducible(work.expression) or not may_launch(turn):
            return SinglePolicy().step(work)
        return "\n".join(write_call(LAUNCH, operand=side) for side in SIDES)


@dataclass(frozen=True)
class HeedlessPolicy:
    """Launches both operands whatever the expression, then computes what has come back.

    On a single operation both launches are refused, and a launch in vain costs the answer: the policy then hands back
    the last number of its expression. Mixed with `DirectPolicy`, it demonstrates how to launch and how to read
    results, and says nothing about when to launch: that is left to reinforcement learning.
    """

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [self._step(turn) for turn in turns]

    def _step(self, turn: Turn) -> str:
        if len(turn.messages) == 2:
            return "\n".join(write_call(LAUNCH, operand=side) for side in SIDES)
        work = work_of(turn)
        in_vain = all(response.startswith("Launch refused") for _, _, response in _exchanges(turn))
        if in_vain or not (isinstance(work.expression, Number) or reducible(work.expression)):
            return finish(last_number(work.expression))
        return finish(evaluate(work.expression, work.modulus))


def last_number(expression: Expression) -> Value:
    """Return the number at the end of an expression."""
    while isinstance(expression, Operation):
        expression = operand(expression, RIGHT)
    return expression.value


def may_launch(turn: Turn, num_launches: int = 2) -> bool:
    """Tell whether an agent can launch that many sub-agents."""
    limits = turn.limits
    launches = any(spec.name == LAUNCH for spec in turn.tools)
    return (
        launches and limits.depth != 0 and all(n is None or n >= num_launches for n in (limits.children, limits.nodes))
    )


@dataclass(frozen=True)
class DirectPolicy:
    """Answers at once: correctly for a single operation, with a guess for anything longer.

    Mixed with `RecursivePolicy`, it demonstrates both ways to act, from which learning can start.

    Attributes:
        seed: Seed of the guesses; equal seeds give equal guesses for the same agent and expression.
        skill_columns: How long the numbers of one operation may be; None means any length.
    """

    seed: int = 0
    skill_columns: int | None = field(default=None, kw_only=True)

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Answer for each agent."""
        return [self._answer(turn) for turn in turns]

    def _answer(self, turn: Turn) -> str:
        work = work_of(turn, self.skill_columns)
        whole = divided(work.expression, self.skill_columns)
        if isinstance(whole, Number) or reducible(whole):
            return finish(evaluate(whole, work.modulus))
        random = Random(f"{self.seed} {turn.agent} {turn.messages[1]['content']}")
        return finish(random.randrange(work.modulus) if work.modulus else random.randint(-99, 99))
