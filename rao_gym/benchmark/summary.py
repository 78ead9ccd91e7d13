"""What a benchmark reports: one row per cell, standings over the difficulties, and paired differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from rao_gym.benchmark.arms import CEILING, RECURSIVE
from rao_gym.benchmark.folder import Cell, arm_of
from rao_gym.benchmark.suite import SuiteEnvironment
from rao_gym.evaluation.pairing import pair
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.statistics import summarize, wilson_interval

HELD = (0.8, 0.5)
"""The levels of success at which the largest difficulty held is reported."""

Cells = Mapping[Cell, Sequence[EpisodeResult]]
"""The episodes of every cell; each task once, see `best_attempts`."""


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """The episodes of one cell.

    Attributes:
        policy: The policy's name.
        environment: Name of the environment in the suite.
        arm: Name of the arm.
        difficulty: The difficulty.
        trained: Whether the difficulty is in the range to train on.
        tasks: Tasks that count.
        excluded: Tasks that do not count: a server failed, or the window cannot hold the opening.
        attempts: Mean attempts at a task.
        success: Mean success; if no task counts, this and all that follows is None.
        low: Lower end of the 95% interval.
        high: Upper end of the 95% interval.
        turns: Mean turns, over all nodes and attempts.
        tokens: Mean tokens, over all nodes and attempts.
        token_counter: What counted the tokens.
        nodes: Mean nodes.
        depth: Mean depth of the deepest node.
        refusals: Mean refused launches.
        delegated: Share of episodes with at least one child.
        critical_path: Mean turns on the longest chain of nodes that had to wait for each other.
        parallel: Share of the turns that ran beside that chain.
        seconds: Wall-clock seconds per task, with as many trees growing at once as the run allowed.
        stop_reasons: How many roots ended for each reason.
    """

    policy: str
    environment: str
    arm: str
    difficulty: int
    trained: bool
    tasks: int
    excluded: int
    attempts: float | None = None
    success: float | None = None
    low: float | None = None
    high: float | None = None
    turns: float | None = None
    tokens: float | None = None
    token_counter: str | None = None
    nodes: float | None = None
    depth: float | None = None
    refusals: float | None = None
    delegated: float | None = None
    critical_path: float | None = None
    parallel: float | None = None
    seconds: float | None = None
    stop_reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One policy and arm over the difficulties of an environment.

    Attributes:
        policy: The policy's name.
        environment: Name of the environment in the suite.
        arm: Name of the arm.
        held_80: Largest difficulty up to which every difficulty has a success of at least 0.8; 0 if none has.
        held_50: The same at 0.5.
        past_tasks: Tasks past the trained range that count.
        past_success: Mean success on them; None if there are none.
        past_low: Lower end of its 95% interval.
        past_high: Upper end of its 95% interval.
        ceiling_share: `past_success` as a share of what the reference policy reaches; None without that arm.
    """

    policy: str
    environment: str
    arm: str
    held_80: int
    held_50: int
    past_tasks: int
    past_success: float | None = None
    past_low: float | None = None
    past_high: float | None = None
    ceiling_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The success of one policy and arm minus that of another, on the same tasks.

    Attributes:
        environment: Name of the environment in the suite.
        difficulty: The difficulty; None for all tasks past the trained range.
        policy: The first policy.
        arm: Its arm.
        against_policy: The second policy.
        against_arm: Its arm.
        tasks: Tasks that count for both.
        difference: Mean difference; None without shared tasks.
        low: Lower end of its 95% interval; None with fewer than two tasks.
        high: Upper end of its 95% interval.
    """

    environment: str
    difficulty: int | None
    policy: str
    arm: str
    against_policy: str
    against_arm: str
    tasks: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Whether best-of-n stayed within what the recursive arm spent on the same tasks.

    Attributes:
        policy: The policy's name.
        environment: Name of the environment in the suite.
        difficulty: The difficulty.
        recursive_tokens: Tokens of the recursive arm on the tasks that both played.
        best_of_tokens: Tokens of the best-of-n arm on them.
        single_attempts: Tasks on which one attempt alone cost more than the recursive arm.
        held: Whether every task with several attempts stayed within its budget.
    """

    policy: str
    environment: str
    difficulty: int
    recursive_tokens: int
    best_of_tokens: int
    single_attempts: int
    held: bool


def best_attempts(
    results: Sequence[EpisodeResult], budgets: Mapping[int, int]
) -> tuple[list[EpisodeResult], dict[int, int]]:
    """Merge the attempts at each task into one result, and return these with the attempts that count, by index.

    The best success counts, and all attempts are paid for. Of several attempts, those count that together cost no more
    than the task's budget; the first always counts.
    """
    by_index: dict[int, list[EpisodeResult]] = {}
    for result in sorted(results, key=lambda each: each.attempt):
        if result.success is not None or result.attempt == 0:
            by_index.setdefault(result.index, []).append(result)
    merged, counts = [], dict[int, int]()
    for index, attempts in sorted(by_index.items()):
        spent, kept = 0, list[EpisodeResult]()
        for attempt in attempts:
            if kept and spent + attempt.tokens > budgets.get(index, 0):
                break
            spent += attempt.tokens
            kept.append(attempt)
        counts[index] = len(kept)
        best = max(kept, key=lambda each: (each.success or 0.0, -each.attempt))
        merged.append(
            replace(
                best,
                attempt=0,
                turns=sum(each.turns for each in kept),
                tokens=spent,
                nodes=sum(each.nodes for each in kept),
                critical_path=sum(each.critical_path for each in kept),
                refusals=sum(each.refusals for each in kept),
            )
        )
    return merged, counts


def summarize_cell(
    cell: Cell, environment: SuiteEnvironment, results: Sequence[EpisodeResult], attempts: float, seconds: float
) -> CellSummary:
    """Return the row of a cell."""
    counted = [result for result in results if result.success is not None]
    named = CellSummary(
        policy=cell.policy,
        environment=cell.environment,
        arm=cell.arm,
        difficulty=cell.difficulty,
        trained=cell.difficulty in environment.trained,
        tasks=len({result.same_task for result in counted}),
        excluded=len(results) - len(counted),
    )
    if not counted:
        return named
    (summary,) = summarize(counted)
    turns, critical_path = sum(each.turns for each in counted), sum(each.critical_path for each in counted)
    return replace(
        named,
        attempts=attempts,
        success=summary.success,
        low=summary.low,
        high=summary.high,
        turns=summary.turns,
        tokens=summary.tokens,
        token_counter=summary.token_counter,
        nodes=summary.nodes,
        depth=summary.depth,
        refusals=fmean(result.refusals for result in counted),
        delegated=fmean(result.nodes > 1 for result in counted) if arm_of(cell).recursive else 0.0,
        critical_path=summary.critical_path,
        parallel=1 - critical_path / turns if turns else 0.0,
        seconds=seconds / len(counted),
        stop_reasons=dict(sorted(Counter(result.stop_reason for result in counted).items())),
    )


def standings(rows: Sequence[CellSummary], cells: Cells, environments: Sequence[SuiteEnvironment]) -> list[Standing]:
    """Return one standing per policy, environment and arm."""
    by_series: dict[tuple[str, str, str], list[CellSummary]] = {}
    for row in rows:
        by_series.setdefault((row.policy, row.environment, row.arm), []).append(row)
    tested = {environment.name: set(environment.tested) for environment in environments}
    found = []
    for (policy, environment, arm), series in by_series.items():
        past = _past(cells, policy, environment, arm, tested[environment])
        standing = Standing(
            policy=policy,
            environment=environment,
            arm=arm,
            held_80=_held(series, HELD[0]),
            held_50=_held(series, HELD[1]),
            past_tasks=len(past),
        )
        if past:
            success = fmean(past.values())
            low, high = wilson_interval(success, len(past))
            standing = replace(standing, past_success=success, past_low=low, past_high=high)
        found.append(standing)
    ceilings = {each.environment: each.past_success for each in found if each.arm == CEILING}
    return [
        replace(each, ceiling_share=each.past_success / ceiling)
        if each.past_success is not None and (ceiling := ceilings.get(each.environment))
        else each
        for each in found
    ]


def _held(series: Sequence[CellSummary], level: float) -> int:
    """Return the largest difficulty up to which every difficulty reaches a level of success."""
    held = 0
    for row in sorted(series, key=lambda each: each.difficulty):
        if row.success is None or row.success < level:
            break
        held = row.difficulty
    return held


def _past(cells: Cells, policy: str, environment: str, arm: str, tested: set[int]) -> dict[str, float]:
    """Return the success on each task past the trained range."""
    outcomes: dict[str, list[float]] = {}
    for cell, results in cells.items():
        if (cell.policy, cell.environment, cell.arm) == (policy, environment, arm) and cell.difficulty in tested:
            for result in results:
                if result.success is not None:
                    outcomes.setdefault(result.same_task, []).append(result.success)
    return {task: fmean(values) for task, values in outcomes.items()}


def differences(cells: Cells, policies: Sequence[str], environments: Sequence[SuiteEnvironment]) -> list[Difference]:
    """Return what recursion changes for each policy, and how each policy differs from the first."""
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    pairs = [
        ((policy, RECURSIVE), (policy, arm))
        for policy in policies
        for arm in arms
        if arm != RECURSIVE and not arm_of(Cell(policy="", environment="", arm=arm, difficulty=1)).policy
    ]
    pairs += [((policy, RECURSIVE), (policies[0], RECURSIVE)) for policy in policies[1:]]
    return [
        difference
        for environment in environments
        for first, second in pairs
        for difference in _differences(cells, environment, first, second)
    ]


def _differences(
    cells: Cells, environment: SuiteEnvironment, first: tuple[str, str], second: tuple[str, str]
) -> list[Difference]:
    """Return the differences between two series, by difficulty and past the trained range."""

    def played(series: tuple[str, str], difficulties: Sequence[int]) -> list[EpisodeResult]:
        policy, arm = series
        return [
            replace(result, difficulty=0) if len(difficulties) > 1 else result
            for difficulty in difficulties
            for result in cells.get(
                Cell(policy=policy, environment=environment.name, arm=arm, difficulty=difficulty), ()
            )
        ]

    found = []
    ranges: list[tuple[int | None, Sequence[int]]] = [(level, [level]) for level in environment.difficulties]
    for difficulty, levels in [*ranges, (None, environment.tested)]:
        compared = pair(played(second, levels), played(first, levels))
        if not compared or not compared[0].tasks:
            continue
        found.append(
            Difference(
                environment=environment.name,
                difficulty=difficulty,
                policy=first[0],
                arm=first[1],
                against_policy=second[0],
                against_arm=second[1],
                tasks=compared[0].tasks,
                difference=compared[0].difference,
                low=compared[0].low,
                high=compared[0].high,
            )
        )
    return found


def budget_of(
    cell: Cell, recursive: Sequence[EpisodeResult], merged: Sequence[EpisodeResult], attempts: Mapping[int, int]
) -> Budget:
    """Return what best-of-n spent, next to the recursive arm.

    Args:
        cell: The cell of the best-of-n arm.
        recursive: The recursive arm's results on the same tasks.
        merged: The best-of-n arm's results, one per task.
        attempts: Attempts that count, by the task's index.
    """
    budgets = {result.index: result.tokens for result in recursive if result.success is not None}
    shared = [result for result in merged if result.index in budgets and result.success is not None]
    over = [result for result in shared if result.tokens > budgets[result.index]]
    return Budget(
        policy=cell.policy,
        environment=cell.environment,
        difficulty=cell.difficulty,
        recursive_tokens=sum(budgets[result.index] for result in shared),
        best_of_tokens=sum(result.tokens for result in shared),
        single_attempts=len(over),
        held=all(attempts.get(result.index, 1) == 1 for result in over),
    )
