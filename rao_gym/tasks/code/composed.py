"""The source ``composed``: generated modules, specified step by step in English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from rao_gym.tasks.code.blocks import BLOCKS, COUNTS, INT, INTS, STR, STRS, TYPES, Block, calls
from rao_gym.tasks.code.functions import Function, join_sources, reference_source
from rao_gym.tasks.code.inputs import Constants, draw_input, edges
from rao_gym.tasks.code.selection import compile_function, select_cases

INTRODUCTION = (
    "Each step works on the result of the step before it, the first one on `{argument}`; "
    "the result of the last step is returned."
)
GUARDS = {
    INT: ("If `{argument}` is 0, return {default} at once.", "if {argument} == 0:\n    return {default}"),
    STR: ("If `{argument}` is empty, return {default} at once.", "if not {argument}:\n    return {default}"),
}
_ARGUMENTS = {INT: "number", STR: "text", INTS: "numbers", STRS: "words", COUNTS: "table"}
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_TAKEN_NAMES = ("total", "digit", "super")
_MAX_FAN_OUT = 3
_NUM_PROBES = 10
_MAX_SHARE_OF_ONE_RESULT = 0.4
_MAX_BLOCKS_TRIED = 5
_MAX_ATTEMPTS = 32
_MAX_MODULES = 8
_NUM_FINAL_PROBES = 40
_FINAL_PROBES_SEED = 20_260_102
_MAX_RESULT_CHARS = 300
_NO_CONSTANTS = Constants(numbers=(), texts=())


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a composed module.

    Attributes:
        num_helpers: Number of functions besides the target.
        depth: Number of calls on the longest path from the target to a helper; at most `num_helpers`.
        num_steps: Number of steps of each function, without those that call helpers.
    """

    num_helpers: int
    depth: int
    num_steps: int


class _DullError(Exception):
    """No steps were found that give a function enough different results."""


def compose(shape: Shape, rng: np.random.Generator) -> tuple[str, dict[str, Function]]:
    """Compose a module; if a function gives too few different results, draw the module again a limited number of times.

    Returns:
        The target's name, and every function by name.
    """
    for _ in range(_MAX_MODULES):
        try:
            return _compose(shape, rng, lively=True)
        except _DullError:
            continue
    return _compose(shape, rng, lively=False)


def _compose(shape: Shape, rng: np.random.Generator, *, lively: bool) -> tuple[str, dict[str, Function]]:
    """Compose a module, helpers first.

    Args:
        shape: Its size.
        rng: Source of randomness.
        lively: Whether to give up if no lively function is found, rather than accept any function.

    Raises:
        _DullError: No lively function was found.
    """
    graph = _draw_graph(shape, rng)
    names = _draw_names(len(graph), rng)
    library: dict[str, Any] = {}
    drafts: dict[str, _Draft] = {}
    functions: dict[str, Function] = {}
    for index in reversed(range(len(graph))):
        helpers = [drafts[names[helper]] for helper in graph[index]]
        draft = _draft(names[index], helpers, shape.num_steps, library, rng, lively=lively)
        drafts[draft.name] = draft
        functions[draft.name] = _function(draft, functions, int(rng.integers(2**63)))
    return names[0], {name: functions[name] for name in names}


def _draw_graph(shape: Shape, rng: np.random.Generator) -> list[list[int]]:
    """Draw which function calls which: function 0 is the target, and calls go to higher indices.

    The first `depth` helpers form a chain; the others are attached where there is room, and every fourth is shared.
    """
    calls_of: list[list[int]] = [[] for _ in range(shape.num_helpers + 1)]
    level = [0] * (shape.num_helpers + 1)
    for index in range(1, shape.num_helpers + 1):
        above = [parent for parent in range(index) if level[parent] < shape.depth]
        roomy = [parent for parent in above if len(calls_of[parent]) < _MAX_FAN_OUT]
        fewest = min(above, key=lambda parent: len(calls_of[parent]))
        parent = index - 1 if index <= shape.depth else _pick(roomy or [fewest], rng)
        calls_of[parent].append(index)
        level[index] = level[parent] + 1
        if index > shape.depth and index % 4 == 0:
            _share(index, calls_of, level, rng)
    return calls_of


def _share(index: int, calls_of: list[list[int]], level: list[int], rng: np.random.Generator) -> None:
    """Let one more function call a helper, if that makes no chain longer."""
    others = [
        other
        for other in range(index)
        if index not in calls_of[other] and len(calls_of[other]) < _MAX_FAN_OUT and level[other] < level[index]
    ]
    if others:
        calls_of[_pick(others, rng)].append(index)


def _pick(indices: Sequence[int], rng: np.random.Generator) -> int:
    """Draw one of some indices."""
    return indices[int(rng.integers(len(indices)))]


def _draw_names(count: int, rng: np.random.Generator) -> list[str]:
    """Coin distinct names of two syllables, or of three if there are many."""
    syllables = 2 if count < 200 else 3
    names: dict[str, None] = {}
    while len(names) < count:
        picks = rng.integers(0, 2**16, size=2 * syllables + 1)
        parts = [(_VOWELS if place % 2 else _CONSONANTS) for place in range(2 * syllables + 1)]
        name = "".join(part[pick % len(part)] for part, pick in zip(parts, picks, strict=True))
        if name not in _TAKEN_NAMES:
            names[name] = None
    return list(names)


class _Draft:
    """A function under construction, which runs every step on probes as it is added.

    A lively draft rejects steps after which too many probes have the same result, or a very long one.

    Attributes:
        name: Its name.
        takes: Type of its argument.
        gives: Type of its current result.
        helpers: Names of the helpers that it calls.
        english: Its steps in English.
        code: The lines of its body.
    """

    def __init__(
        self, name: str, takes: str, library: dict[str, Any], rng: np.random.Generator, *, lively: bool
    ) -> None:
        self.name = name
        self.takes = takes
        self.gives = takes
        self.helpers: list[str] = []
        self.english: list[str] = []
        self.code: list[str] = []
        self._library = library
        self._lively = lively
        self._arguments = [draw_input(takes, _NO_CONSTANTS, rng) for _ in range(_NUM_PROBES)]
        self._values = self._arguments

    @property
    def argument(self) -> str:
        """Name of the argument."""
        return _ARGUMENTS[self.takes]

    @property
    def signature(self) -> str:
        """The function's head, without ``def``."""
        return f"{self.name}({self.argument}: {self.takes}) -> {self.gives}"

    @property
    def source(self) -> str:
        """The function's source."""
        body = "\n".join([*self.code, "return value"])
        return f"def {self.signature}:\n" + "\n".join(f"    {line}" for line in body.splitlines()) + "\n"

    def add(self, block: Block, parameters: Mapping[str, Any]) -> bool:
        """Add a step, unless a lively draft rejects it.

        Returns:
            Whether the step was added.
        """
        english, code = block.fill(parameters)
        step = f"def _step(value, {self.argument}):\n" + "".join(f"    {line}\n" for line in code.splitlines())
        run = compile_function(step + "    return value\n", "_step", self._library)
        values = [run(value, argument) for value, argument in zip(self._values, self._arguments, strict=True)]
        texts = [repr(value) for value in values]
        if self._lively and (_is_dull(texts) or max(map(len, texts)) > _MAX_RESULT_CHARS):
            return False
        self.english.append(english)
        self.code.append(code)
        self.gives = block.gives
        self._values = values
        return True


def _draft(
    name: str,
    helpers: list[_Draft],
    num_steps: int,
    library: dict[str, Any],
    rng: np.random.Generator,
    *,
    lively: bool,
) -> _Draft:
    """Draw a function with enough different results, and a guard for the edge case.

    Raises:
        _DullError: No such function was found, and `lively` rules out any other.
    """
    for _ in range(_MAX_ATTEMPTS):
        draft = _draw_steps(name, helpers, num_steps, library, rng, lively=True)
        if draft is not None and _finish(draft, library, rng):
            return draft
    if lively:
        raise _DullError
    draft = None
    while draft is None:
        draft = _draw_steps(name, helpers, num_steps, library, rng, lively=False)
    _finish(draft, library, rng)
    return draft


def _finish(draft: _Draft, library: dict[str, Any], rng: np.random.Generator) -> bool:
    """Add the guard, define the function, and return whether many new probes give enough different results."""
    _add_guard(draft, rng)
    function = compile_function(draft.source, draft.name, library)
    return not _is_dull([repr(function(argument)) for argument in _final_probes(draft.takes)])


@cache
def _final_probes(kind: str) -> Sequence[Any]:
    """Return the probes for finished functions of one type; they can be shared, because no step changes its input."""
    rng = np.random.default_rng(_FINAL_PROBES_SEED)
    return [*edges(kind), *(draw_input(kind, _NO_CONSTANTS, rng) for _ in range(_NUM_FINAL_PROBES))]


def _is_dull(results: Sequence[str]) -> bool:
    """Tell whether too many of the results are the same."""
    return max(Counter(results).values()) > len(results) * _MAX_SHARE_OF_ONE_RESULT


def _draw_steps(
    name: str,
    helpers: list[_Draft],
    num_steps: int,
    library: dict[str, Any],
    rng: np.random.Generator,
    *,
    lively: bool,
) -> _Draft | None:
    """Draw the steps: a function's own, and between them the calls of its helpers; None if they cannot be completed.

    Every other function takes the argument type of one of its helpers, so that its own argument can be passed on.
    """
    takes = [*TYPES, *(helper.takes for helper in helpers for _ in range(len(TYPES)))]
    draft = _Draft(name, takes[int(rng.integers(len(takes)))], library, rng, lively=lively)
    places = [int(rng.integers(len(helpers) + 1)) for _ in range(num_steps)]  # before which helper call each step goes
    for place in range(len(helpers) + 1):
        for _ in range(places.count(place)):
            if not _add_own(draft, [block for block in BLOCKS if block.takes == draft.gives], rng):
                return None
        if place < len(helpers) and not _add_call(draft, helpers[place], rng):
            return None
    return draft


def _add_own(draft: _Draft, blocks: Sequence[Block], rng: np.random.Generator) -> bool:
    """Add one of the blocks; return whether one could be added."""
    order = rng.permutation(len(blocks))[:_MAX_BLOCKS_TRIED]
    return any(draft.add(blocks[index], blocks[index].draw(rng)) for index in order)


def _add_call(draft: _Draft, helper: _Draft, rng: np.random.Generator) -> bool:
    """Add a step that calls a helper, after a converting step if the types differ; return whether it was added."""
    forms = calls(helper.takes, helper.gives, draft.takes)
    accepted = {form.takes for form in forms}
    if draft.gives not in accepted and not _add_own(
        draft, [block for block in BLOCKS if block.takes == draft.gives and block.gives in accepted], rng
    ):
        return False
    fitting = [form for form in forms if form.takes == draft.gives]
    parameters = {"helper": helper.name, "argument": draft.argument}
    draft.helpers.append(helper.name)
    return any(draft.add(fitting[index], parameters) for index in rng.permutation(len(fitting)))


def _add_guard(draft: _Draft, rng: np.random.Generator) -> None:
    """Add the handling of 0 or an empty argument before the first step."""
    number = int(rng.integers(100, 1000))
    default = {INT: number, STR: f"v{number}", INTS: [number], STRS: [f"v{number}"], COUNTS: {"v": number}}[draft.gives]
    english, code = GUARDS[INT if draft.takes == INT else STR]
    replaced = {"{argument}": draft.argument, "{default}": repr(default)}
    for key, text in replaced.items():
        english, code = english.replace(key, text), code.replace(key, text)
    draft.english.insert(0, english)
    draft.code.insert(0, f"{code}\nvalue = {draft.argument}")


def _function(draft: _Draft, helpers: Mapping[str, Function], seed: int) -> Function:
    """Turn a finished draft into a function."""
    steps = [f"{number}. {english}" for number, english in enumerate(draft.english[1:], 1)]
    introduction = INTRODUCTION.format(argument=draft.argument)
    source = join_sources([reference_source(helpers, draft.helpers), draft.source])
    return Function(
        name=draft.name,
        signature=draft.signature,
        description="\n".join([draft.english[0], introduction, *steps]),
        helpers=tuple(dict.fromkeys(draft.helpers)),
        reference=draft.source,
        draw_cases=partial(select_cases, source, draft.name, draft.takes, seed),
    )
