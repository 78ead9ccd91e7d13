"""The arithmetic family: expressions whose operands can be delegated, by name or written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits, check_count
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent
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
    size,
)
from rao_gym.tasks.arithmetic.operands import SIDES, operand, reducible, split, substitute
from rao_gym.tasks.arithmetic.parts import is_part, same_work, share_of
from rao_gym.tasks.arithmetic.policies import SKILL_COLUMNS, RecursivePolicy, SinglePolicy
from rao_gym.tasks.arithmetic.sampling import TERMS_PER_DIFFICULTY, Part, Ranges, Sampler, largest_difficulty
from rao_gym.tasks.base import LaunchRefusedError, Received, Task, TaskFamily, rng
from rao_gym.tools import Parameter, ToolResult, ToolSpec

SHAPES = ("balanced", "ragged", "mixed")
_OPERATORS = "+-*/"
_MAX_OPERAND = 10**9
_MIN_MODULUS = 5  # with smaller primes, some splits have no expression of difficulty 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """An agent's expression and its value.

    Attributes:
        expression: The agent's current expression, with the results of named operands substituted.
        value: The exact value of the agent's original expression.
    """

    expression: Expression
    value: Value


class Arithmetic(TaskFamily[Problem]):
    """Compute the exact value of an expression; its operands, or any other expression, can go to sub-agents.

    Args:
        kind: ``"tree"``: nested expressions; difficulty is depth. ``"chain"``: sums and mixed runs without
            parentheses; 8 operands per step of difficulty. ``"digits"``: one sum or product of two long numbers;
            difficulty is digits. ``"modular"``: ``tree`` modulo a small prime.
        operators: Operators to draw from, such as ``"+-*"``. Default: ``"+-*"``; for ``digits`` ``"+*"``.
        shape: For trees: ``"balanced"``, ``"ragged"``, or ``"mixed"``, which draws one of the two for each task.
            Default: ``"mixed"``; for ``modular`` ``"ragged"``.
        operand_min: Smallest operand. Default: 1; for ``modular`` 0. Not for ``digits``.
        operand_max: Largest operand. Default: 99; for ``modular`` the modulus less one. Not for ``digits``.
        modulus: A prime of at least 5, for ``modular`` alone. Default: 13.

    Raises:
        UnknownNameError: A kind, shape or operator does not exist.
        InvalidValueError: A value is out of range, or belongs to another kind.
    """

    id = "rao/Arithmetic-v0"
    default_limits = Limits(max_depth=32, max_turns=8, window=4_096)
    kinds = ("tree", "chain", "digits", "modular")
    action_forms = ("tools",)
    launch_parameters = (Parameter("operand", "string", "left or right.", required=False),)
    launch_description = "Let a new agent compute an operand of your expression, or the expression in goal."
    goal_optional = True

    def __init__(
        self,
        kind: str = "tree",
        operators: str | None = None,
        shape: str | None = None,
        operand_min: int | None = None,
        operand_max: int | None = None,
        modulus: int | None = None,
    ) -> None:
        if kind not in self.kinds:
            raise unknown_name("kind", kind, self.kinds)
        _check_belongs("shape", shape, kind, ("tree", "modular"))
        _check_belongs("modulus", modulus, kind, ("modular",))
        _check_belongs("operand_min", operand_min, kind, ("tree", "chain", "modular"))
        _check_belongs("operand_max", operand_max, kind, ("tree", "chain", "modular"))
        self.kind = kind
        self.shape = shape or ("ragged" if kind == "modular" else "mixed")
        if self.shape not in SHAPES:
            raise unknown_name("shape", shape, SHAPES)
        self.modulus = _prime(13 if modulus is None else modulus) if kind == "modular" else None
        self.ranges = Ranges(
            operators=_operators(operators, kind),
            operand_min=(0 if self.modulus else 1) if operand_min is None else operand_min,
            operand_max=(self.modulus - 1 if self.modulus else 99) if operand_max is None else operand_max,
            modulus=self.modulus,
        )
        _check_range(self.ranges.operand_min, self.ranges.operand_max)
        self._largest_difficulty = largest_difficulty(self.kind, self.shape, self.ranges)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Problem]:
        """Return a task; see `rao_gym.tasks.arithmetic.sampling` for how expressions are drawn."""
        generator = rng(seed, split, index, difficulty)
        if difficulty > self._largest_difficulty:
            raise InvalidValueError(
                f"difficulty must be at most {self._largest_difficulty} for kind {self.kind!r}, got {difficulty}."
            )
        parameters: dict[str, JSON] = {"kind": self.kind, "operators": self.ranges.operators}
        shape = self.shape
        if self.kind in ("tree", "modular"):
            if shape == "mixed":
                shape = SHAPES[int(generator.integers(0, 2))]
            parameters["shape"] = shape
        if self.kind != "digits":
            parameters |= {"operand_min": self.ranges.operand_min, "operand_max": self.ranges.operand_max}
        if self.modulus is not None:
            parameters["modulus"] = self.modulus
        try:
            expression, value = self._draw(Sampler(self.ranges, split, generator), shape, difficulty)
        except ExpressionError as error:
            raise InvalidValueError(f"difficulty={difficulty} is too large for these operators: {error}") from error
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=render(expression),
            answer=written(value),
            provenance="evaluated",
            parameters=parameters | {"operations": size(expression)},
        )
        return Task(record=record, context=Problem(expression=expression, value=value))

    def _draw(self, sampler: Sampler, shape: str, difficulty: int) -> Part:
        """Draw an expression of the family's kind."""
        if self.kind == "chain":
            return sampler.chain(TERMS_PER_DIFFICULTY * difficulty)
        if self.kind == "digits":
            return sampler.pair(difficulty)
        return sampler.tree(difficulty, shape)

    def rules(self, *, recursive: bool) -> str:
        """Describe the task."""
        rules = "Compute the exact value of the expression and finish with it: a whole number, or a fraction like -3/4."
        if recursive:
            rules += " The result of an operand that you launch takes its place in your expression."
            if self.kind == "digits":
                rules += (
                    " The operands of an operation on long numbers are that operation on their high and low digits."
                )
        return rules

    def opening(self, agent: Agent[Problem]) -> str:
        """Return the expression."""
        return f"Compute: {agent.goal}" if self.modulus is None else f"Compute modulo {self.modulus}: {agent.goal}"

    def verify(self, task: Task[Problem], agent: Agent[Problem], value: JSON) -> float:
        """Compare an answer with the expression's exact value."""
        return float(number_of(value) == agent.context.value)

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return the tool for working step by step."""
        return (ToolSpec("note", "Write down a step of your work.", (Parameter("text", "string", "The step."),)),)

    def call_tool(self, name: str, agent: Agent[Problem], arguments: Mapping[str, Any]) -> ToolResult:
        """Record a note: it stays in the transcript, and nothing is computed."""
        return ToolResult(shown="Noted.") if name == "note" else super().call_tool(name, agent, arguments)

    def delegate(self, goal: str, agent: Agent[Problem], arguments: Mapping[str, Any]) -> tuple[str, Problem]:
        """Return the child's expression: the goal, or a named operand of the agent's own expression."""
        side = arguments.get("operand") or None
        if side is not None and goal.strip():
            raise LaunchRefusedError("give a goal or an operand, not both.")
        try:
            expression = parse(goal, self.modulus) if side is None else self._operand(agent.context.expression, side)
            if isinstance(expression, Number):
                raise LaunchRefusedError(f"{render(expression)[:40]} is a number; there is nothing to compute.")
            text = render(expression)
            if side is None and self._is_own(expression, agent):
                raise LaunchRefusedError("that is your own expression. Launch a part of it.")
            return text, Problem(expression=expression, value=evaluate(expression, self.modulus))
        except ExpressionError as error:
            raise LaunchRefusedError(f"the goal cannot be computed: {error}") from error

    def _is_own(self, expression: Expression, agent: Agent[Problem]) -> bool:
        """Tell whether an expression is an agent's own, that of its goal or what is left of it, in some disguise.

        The operand ``x`` of ``x+0`` is none: that it is all of the work has to be noticed.
        """
        owns = (agent.context.expression, parse(agent.goal, self.modulus))
        return any(same_work(expression, own) and not is_part(expression, own) for own in owns)

    def part_of(
        self, task: Task[Problem], parent: Agent[Problem], child: Agent[Problem], siblings: Sequence[Agent[Problem]]
    ) -> float:
        """Return the share of the operations that a child does, if its expression occurs within its parent's.

        The last operation is left to the parent.
        """
        own, given, digits = parent.context.expression, child.context.expression, self.kind == "digits"
        others = [sibling.context.expression for sibling in siblings]
        if isinstance(own, Operation) and (given is own.left or given is own.right):
            is_new = not any(given is other for other in others)  # two operands may look the same
        else:
            is_new = is_part(given, own, digits=digits) and not any(
                same_work(given, other) or is_part(given, other, digits=digits) for other in others
            )
        return share_of(given, own) if is_new else 0.0

    def divisible(self, agent: Agent[Problem]) -> bool:
        """Tell whether an operand of the expression has something to compute."""
        whole = self._divided(agent.context.expression)
        return isinstance(whole, Operation) and not reducible(whole)

    def _operand(self, expression: Expression, side: object) -> Expression:
        """Return a named operand.

        Raises:
            LaunchRefusedError: There is none of that name.
        """
        if side not in SIDES:
            raise LaunchRefusedError(f"operand must be left or right, not {str(side)[:40]!r}.")
        whole = self._divided(expression)
        if isinstance(whole, Number):
            raise LaunchRefusedError("your expression is a number; it has no operands.")
        return operand(whole, str(side))

    def _divided(self, expression: Expression) -> Expression:
        """Return the expression whose operands can be named: with `digits`, long numbers are split."""
        return (split(expression) or expression) if self.kind == "digits" else expression

    def receive(self, agent: Agent[Problem], arguments: Mapping[str, JSON], value: Any) -> Received[Problem]:
        """Replace a named operand with the child's number, and show the new expression."""
        context = agent.context
        side = arguments.get("operand")
        number = number_of(value)
        whole = self._divided(context.expression)
        fits = isinstance(number, int) or (number is not None and self.modulus is None)
        if not side or not fits or number is None or not isinstance(whole, Operation):
            return Received(value=value, context=context)
        expression = substitute(whole, str(side), number)
        return Received(value=render(expression), context=Problem(expression=expression, value=context.value))

    def reference_policy(self) -> Policy:
        """Return the policy that launches every operand that is not a number."""
        return RecursivePolicy(skill_columns=SKILL_COLUMNS if self.kind == "digits" else None)

    def single_policy(self) -> Policy:
        """Return the policy that works alone, one operation per turn."""
        return SinglePolicy(skill_columns=SKILL_COLUMNS if self.kind == "digits" else None)

    def why_not(self, actions: str) -> str:
        """Explain why Python is not offered."""
        return (
            f"{self.id} is played with actions='tools', not {actions!r}: in Python a calculator would do the work, "
            "and there would be nothing to delegate."
        )


def _check_belongs(name: str, value: object, kind: str, kinds: Sequence[str]) -> None:
    """Check that an option applies to the kind.

    Raises:
        InvalidValueError: It applies to other kinds only.
    """
    if value is not None and kind not in kinds:
        raise InvalidValueError(f"{name}={value!r} does not apply to kind {kind!r}, only to {', '.join(kinds)}.")


def _operators(operators: str | None, kind: str) -> str:
    """Return the operators to draw from.

    Raises:
        UnknownNameError: One of them is not an operator of the kind.
        InvalidValueError: There are none, one is given twice, or ``/`` comes without ``+`` or ``-``.
    """
    valid = "+*" if kind == "digits" else _OPERATORS
    if operators is None:
        return "+*" if kind == "digits" else "+-*"
    if not isinstance(operators, str) or not operators or len(set(operators)) < len(operators):
        raise InvalidValueError(f"operators must be some of {valid!r}, each once, got {operators!r}.")
    for operator in operators:
        if operator not in valid:
            raise unknown_name("operator", operator, valid)
    if "/" in operators and not set(operators) & {"+", "-"}:
        raise InvalidValueError(f"operators must hold '+' or '-' if they hold '/', got {operators!r}.")
    return operators


def _prime(modulus: int) -> int:
    """Check that the modulus is a prime.

    Raises:
        InvalidValueError: It is not.
    """
    modulus = check_count("modulus", modulus, minimum=_MIN_MODULUS)
    if modulus > _MAX_OPERAND or any(modulus % divisor == 0 for divisor in range(2, int(modulus**0.5) + 1)):
        raise InvalidValueError(f"modulus must be a prime below {_MAX_OPERAND:,}, got {modulus}.")
    return modulus


def _check_range(smallest: int, largest: int) -> None:
    """Check the range of operands.

    Raises:
        InvalidValueError: A bound is not an integer or is too large, or the range is empty.
    """
    check_count("operand_min", smallest, minimum=-_MAX_OPERAND)
    check_count("operand_max", largest, minimum=smallest)
    if largest > _MAX_OPERAND:
        raise InvalidValueError(f"operand_max must be at most {_MAX_OPERAND:,}, got {largest}.")
