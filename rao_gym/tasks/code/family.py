"""The family ``rao/Code-v0``: write functions from their specifications; hidden tests judge them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from rao_gym.errors import InvalidValueError, nearest, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits, check_count
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError, Task, TaskFamily, rng
from rao_gym.tasks.code.composed import Shape, compose
from rao_gym.tasks.code.functions import CodeContext, Function, call_text, reference_source
from rao_gym.tasks.code.judge import Judge
from rao_gym.tasks.code.library import library_functions, names_by_size
from rao_gym.tasks.code.policies import RecursiveCoder, SingleCoder
from rao_gym.tasks.code.scoring import score
from rao_gym.tools import Parameter, ToolError, ToolResult, ToolSpec

if TYPE_CHECKING:
    from rao_gym.policies.base import Policy

SOURCES = ("composed", "stdlib")
_MAX_DEPTH_OF_CALLS = 6
_NUM_SIZE_CLASSES = 4
_MAX_HELPERS = 64
"""Helpers of the largest composed module; composing runs every function on probes, about 2 s for that many."""
_KEPT_TASKS = 32

RULES = """\
You write Python functions from their specifications. Hand back source code as one string: finish(source).
The source must be complete: it defines the functions that you were asked for and every helper that they call.
Hidden tests call your functions and compare what they return, types included.
Each call has one second.
Numbers are integers unless said otherwise, remainders are Python's %, text is compared as Python does it."""
DELEGATION = """
Helpers can be given to sub-agents: launch_subagent(goal, function) returns the source of that helper as a string,
complete with its own helpers. Join such strings with your own source."""


class Code(TaskFamily[CodeContext]):
    """Write functions from their specifications.

    Args:
        source: ``"composed"``, generated modules, or ``"stdlib"``, functions of the standard library.
        helpers: Number of helpers in a composed module; None derives it from the difficulty.
        call_depth: Number of calls on the longest path from a composed target to a helper; None derives it from the
            difficulty.
        steps: Number of steps of each composed function, without those that call helpers.
        functions: Number of library functions to write in one task; None derives it from the difficulty.
    """

    id = "rao/Code-v0"
    default_limits = Limits(max_depth=7, max_turns=12, window=2_048)
    action_forms = ("python",)
    launch_parameters = (Parameter("function", "string", "Name of the function that it must write."),)
    launch_description = "Let a new agent write one of the functions and get back its source."

    def __init__(
        self,
        *,
        source: str = "composed",
        helpers: int | None = None,
        call_depth: int | None = None,
        steps: int = 2,
        functions: int | None = None,
    ) -> None:
        if source not in SOURCES:
            raise unknown_name("source", source, SOURCES)
        for name, value in (("helpers", helpers), ("call_depth", call_depth), ("functions", functions)):
            check_count(name, value, optional=True)
        check_count("steps", steps)
        if helpers is not None and helpers > _MAX_HELPERS:
            raise InvalidValueError(f"helpers must be at most {_MAX_HELPERS}, got {helpers}.")
        self.source = source
        self.helpers = helpers
        self.call_depth = call_depth
        self.steps = steps
        self.functions = functions
        self._judge = Judge()
        self._sample = lru_cache(maxsize=_KEPT_TASKS)(self._draw_task)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy begins with: the options, and no drawn tasks."""
        return {name: value for name, value in vars(self).items() if name != "_sample"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy."""
        vars(self).update(state)
        self._sample = lru_cache(maxsize=_KEPT_TASKS)(self._draw_task)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[CodeContext]:
        """Draw a module; recent tasks are cached, because computing their cases takes longer than drawing them."""
        return self._sample(seed, split, index, difficulty)

    def _draw_task(self, seed: int, split: str, index: int, difficulty: int) -> Task[CodeContext]:
        """Draw a module."""
        generator = rng(seed, split, index, difficulty)
        if self.source == "composed":
            context, parameters = self._composed(difficulty, generator)
        else:
            context, parameters = self._library(split, difficulty, generator)
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=_goal(context.wanted),
            answer=reference_source(context.functions, context.wanted),
            provenance="the composition" if self.source == "composed" else "the standard library",
            parameters=parameters,
        )
        return Task(record=record, context=context)

    def _composed(self, difficulty: int, generator: np.random.Generator) -> tuple[CodeContext, dict[str, JSON]]:
        """Draw a composed module."""
        num_helpers = self.helpers or difficulty + difficulty // 2
        if num_helpers > _MAX_HELPERS:
            raise InvalidValueError(
                f"difficulty must be at most {(2 * _MAX_HELPERS + 1) // 3} for source 'composed' "
                f"({_MAX_HELPERS} helpers), got {difficulty}."
            )
        depth = min(self.call_depth or min(1 + difficulty // 2, _MAX_DEPTH_OF_CALLS), num_helpers)
        shape = Shape(num_helpers=num_helpers, depth=depth, num_steps=self.steps)
        target, functions = compose(shape, generator)
        parameters: dict[str, JSON] = {
            "source": self.source,
            "helpers": num_helpers,
            "call_depth": depth,
            "steps": self.steps,
        }
        return CodeContext(functions, (target,)), parameters

    def _library(
        self, split: str, difficulty: int, generator: np.random.Generator
    ) -> tuple[CodeContext, dict[str, JSON]]:
        """Draw library functions: one of the difficulty's size class, or several, one of them of the largest class."""
        names = names_by_size(split)
        count = min(self.functions or max(1, difficulty - _NUM_SIZE_CLASSES + 1), len(names))
        size_class = min(difficulty, _NUM_SIZE_CLASSES)
        low, high = ((size_class - step) * len(names) // _NUM_SIZE_CLASSES for step in (1, 0))
        first = names[int(generator.integers(low, high))]
        others = [name for name in names if name != first]
        picked = [first, *(others[index] for index in generator.permutation(len(others))[: count - 1])]
        parameters: dict[str, JSON] = {"source": self.source, "functions": count, "size_class": size_class}
        return CodeContext(library_functions(split), tuple(picked)), parameters

    def rules(self, *, recursive: bool) -> str:
        """Say what to return, and how it is judged."""
        return RULES + (DELEGATION if recursive else "")

    def opening(self, agent: Agent[CodeContext]) -> str:
        """Show the goal, with the specification if a single function is wanted."""
        context = agent.context
        if len(context.wanted) == 1:
            return f"{agent.goal}\n{self._specification(context.functions[context.wanted[0]], context)}"
        return f"{agent.goal}\nWanted: {', '.join(context.wanted)}. Read each one's specification(function)."

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return the tools to read specifications and to run the public examples."""
        return (
            ToolSpec(
                "specification",
                "Show the specification of a function that you must write or of one that it builds on.",
                (Parameter("function", "string", "Its name."),),
            ),
            ToolSpec(
                "run_examples",
                "Run the public examples on your source; returns whether all pass.",
                (Parameter("source", "string", "Complete source code."),),
            ),
        )

    def call_tool(self, name: str, agent: Agent[CodeContext], arguments: Mapping[str, Any]) -> ToolResult:
        """Show a specification, or run the public examples."""
        context = agent.context
        if name == "specification":
            function = arguments["function"]
            if function not in context.visible:
                raise ToolError(_unknown_function(function, context.visible))
            return ToolResult(shown=self._specification(context.functions[function], context))
        return self._run_examples(context, arguments["source"])

    def _run_examples(self, context: CodeContext, source: str) -> ToolResult:
        """Run the public examples of the wanted functions."""
        cases = {name: context.functions[name].cases.examples for name in context.wanted}
        outcomes = self._judge.run(source, cases)
        lines = []
        for name, results in outcomes.items():
            for case, outcome in zip(cases[name], results, strict=True):
                if not outcome.passed:
                    call = call_text(name, case.arguments)
                    lines.append(f"FAILED {call}: expected {case.expected!r}, got {outcome.got}")
        total = sum(map(len, cases.values()))
        lines.append(f"{total - len(lines)} of {total} examples pass.")
        return ToolResult(value=len(lines) == 1, shown="\n".join(lines))

    def delegate(self, goal: str, agent: Agent[CodeContext], arguments: Mapping[str, Any]) -> tuple[str, CodeContext]:
        """Delegate one function, with the helpers that it builds on."""
        context = agent.context
        name = arguments["function"]
        if name not in context.visible:
            raise LaunchRefusedError(_unknown_function(name, context.visible))
        if context.wanted == (name,):
            raise LaunchRefusedError(f"{name} is the function that you must write yourself. Delegate its helpers.")
        return goal, CodeContext(context.functions, (name,))

    def divisible(self, agent: Agent[CodeContext]) -> bool:
        """Tell whether there are helpers to delegate, or several functions."""
        context = agent.context
        return len(context.wanted) > 1 or any(context.functions[name].helpers for name in context.wanted)

    def verify(self, task: Task[CodeContext], agent: Agent[CodeContext], value: JSON) -> float:
        """Return the mean score of the wanted functions: the share of hidden cases beyond those that are free."""
        context = agent.context
        if not isinstance(value, str):
            return 0.0
        cases = {name: context.functions[name].cases.hidden for name in context.wanted}
        outcomes = self._judge.run(value, cases)
        return fmean(score([outcome.passed for outcome in outcomes[name]], cases[name]) for name in cases)

    def part_of(
        self,
        task: Task[CodeContext],
        parent: Agent[CodeContext],
        child: Agent[CodeContext],
        siblings: Sequence[Agent[CodeContext]],
    ) -> float:
        """Return a child's share of the functions that its parent's source must hold beside the own one.

        These are the several wanted functions, or the helpers that the wanted one calls; the helpers of helpers come
        with the source of those that call them. A child that is handed the source has no share.
        """
        own = parent.context
        needed = {helper for name in own.wanted for helper in own.functions[name].helpers}
        needed = set(own.wanted) if len(own.wanted) > 1 else needed
        names = set(child.context.wanted)
        given = any(re.search(rf"\b(def|lambda)\b|\b{name}\s*=", child.goal) for name in names)
        again = any(names == set(sibling.context.wanted) for sibling in siblings)
        return 1 / len(needed) if len(names) == 1 and names <= needed and not given and not again else 0.0

    def reference_policy(self) -> Policy:
        """Return a policy that writes one function at each node and delegates its helpers."""
        return RecursiveCoder()

    def single_policy(self) -> Policy:
        """Return a policy that reads every specification and writes every function itself."""
        return SingleCoder()

    def why_not(self, actions: str) -> str:
        """Explain why only one action form is offered."""
        return (
            f"{self.id} offers the action form python alone, not {actions}: sources are handed on as strings in "
            "variables, and a tool call would have to spell out every one of them again."
        )

    def close(self) -> None:
        """Stop the workers that run candidate source."""
        self._judge.close()

    def _specification(self, function: Function, context: CodeContext) -> str:
        """Return a function's specification, with the heads of its helpers and the public examples."""
        lines = [f"def {function.signature}", function.description]
        if function.helpers:
            heads = [f"`{context.functions[name].signature}`" for name in function.helpers]
            lines.append("Helpers: " + "; ".join(heads))
        lines += [
            f">>> {call_text(function.name, case.arguments)}\n{case.expected!r}" for case in function.cases.examples
        ]
        return "\n".join(lines)


def _goal(wanted: Sequence[str]) -> str:
    """Return the root's goal."""
    names = ", ".join(f"`{name}`" for name in wanted)
    return f"Write the Python function{'s' if len(wanted) > 1 else ''} {names}."


def _unknown_function(name: str, valid: Sequence[str]) -> str:
    """Explain that a node has no such function."""
    hint = nearest(name, valid)
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    return f"no function {name[:80]!r} here.{suggestion} Functions: {', '.join(valid)}."
