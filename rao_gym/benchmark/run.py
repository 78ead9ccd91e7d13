"""Run a benchmark: in one process or several, on one machine or several, and on again after any interruption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from types import TracebackType
from typing import Any

from rao_gym.benchmark.arms import RECURSIVE
from rao_gym.benchmark.folder import Benchmark, BenchmarkPolicy, Cell, add_seconds, arm_of, cell_results, claim
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.evaluate import grading_identity, run_identity
from rao_gym.evaluation.recording import Recorder, play
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.rollouts import TaskKey
from rao_gym.evaluation.stages import Stage, build_setup
from rao_gym.evaluation.store import RunFolder
from rao_gym.limits import check_count
from rao_gym.policies.base import Policy
from rao_gym.policies.loading import SCRIPTED, load_policy, recorded_options
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import TaskFamily

MAX_ATTEMPTS = 32
"""Most attempts of the best-of-n arm at one task; a policy that never samples gains nothing from more."""

OnTask = Callable[[Cell], None]
"""Called when a task of a cell has been played."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A share of the tasks of every cell.

    Attributes:
        number: Which share, from 1.
        of: Number of shares.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``3/16``.

        Raises:
            InvalidValueError: The text has another form, or there is no such share.
        """
        number, slash, of = text.partition("/")
        digits = number.isascii() and number.isdigit() and of.isascii() and of.isdigit() and len(text) < 20
        if not slash or not digits or not 1 <= int(number) <= int(of):
            raise InvalidValueError(f"A shard has a form like 3/16, the first number at most the second; got {text!r}.")
        return cls(number=int(number), of=int(of))

    def take(self, keys: Sequence[TaskKey]) -> list[TaskKey]:
        """Return this share of some tasks."""
        return list(keys[self.number - 1 :: self.of])


def run_benchmark(
    benchmark: Benchmark,
    out: Path,
    *,
    shard: Shard | None = None,
    workers: int = 8,
    processes: int = 1,
    save_trees: int | None = 1,
    on_task: OnTask | None = None,
) -> None:
    """Play every task of every cell that has no result in `out` yet.

    Args:
        benchmark: What to run.
        out: Folder of the run; one that holds the same run is continued.
        shard: The share of the tasks to play; all of them by default.
        workers: Number of trees that grow at once in each process.
        processes: Number of processes; a policy that is a model is loaded in each.
        save_trees: Number of trees to keep in each cell; None keeps all.
        on_task: Called when a task has been played or was found in the folder.

    Raises:
        FrozenTaskError: A task no longer is what the suite's manifest says.
        InvalidValueError: `out` holds another run, or a value is out of range.
        PolicyError: A policy raised or broke its protocol. The results in `out` stay.
    """
    check_count("workers", workers)
    check_count("processes", processes)
    share = shard or Shard()
    claim(out, benchmark)
    units = _units(benchmark.cells())
    plan = _Plan(benchmark=benchmark, out=out, shard=share, workers=workers, save_trees=save_trees)
    report = on_task or (lambda _: None)
    if processes == 1:
        plan.play(units, report)
        return
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        played: Queue[Cell] = manager.Queue()
        waiting = {pool.submit(_play_batch, plan, units[start::processes], played) for start in range(processes)}
        while waiting:
            done, waiting = wait(waiting, timeout=0.2)
            _drain(played, report)
            for future in done:
                future.result()


def num_tasks(benchmark: Benchmark, shard: Shard | None = None) -> int:
    """Return how many tasks a run plays over all cells; attempts at one task count once."""
    share, suite = shard or Shard(), benchmark.suite
    cells = benchmark.cells()
    return sum(len(share.take(suite.keys(suite.environment(cell.environment), cell.difficulty))) for cell in cells)


def _units(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return the cells of each policy, environment and difficulty: some arms need the results of others."""
    units: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        units.setdefault((cell.policy, cell.environment, cell.difficulty), []).append(cell)
    return list(units.values())


def _play_batch(plan: _Plan, units: Sequence[Sequence[Cell]], played: Queue[Cell]) -> None:
    """Play units in a process of their own."""
    plan.play(units, played.put)


def _drain(played: Queue[Cell], report: OnTask) -> None:
    """Report what other processes have played since the last call."""
    while True:
        try:
            report(played.get_nowait())
        except Empty:
            return


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How cells are played; the attributes are the arguments of `run_benchmark`."""

    benchmark: Benchmark
    out: Path
    shard: Shard
    workers: int
    save_trees: int | None

    def play(self, units: Sequence[Sequence[Cell]], report: OnTask) -> None:
        """Play the cells of every unit, in order."""
        with closing(Sandbox()) as sandbox, _Players(self.benchmark.policies) as players:
            for cells in units:
                for cell in cells:
                    self._play_cell(cell, players, sandbox, report)

    def _play_cell(self, cell: Cell, players: _Players, sandbox: Sandbox, report: OnTask) -> None:
        """Play the tasks of one cell."""
        started = monotonic()
        suite, arm, grading = self.benchmark.suite, arm_of(cell), self.benchmark.grading
        environment = suite.environment(cell.environment)
        keys = self.shard.take(suite.keys(environment, cell.difficulty))
        name, policy_options = arm.player(cell.policy), players.options(cell.policy)
        options = {**environment.options, **arm.options, **({} if arm.recursive else environment.single)}
        with ExitStack() as stack:
            setup = build_setup(environment.id, suite.split, options)
            stack.callback(setup.family.close)
            chain = grading.chain(setup.family.id)
            stack.callback(chain.close)
            stage = Stage(id=environment.id, setup=setup, policy=players.of(name, setup.family), chain=chain)
            identity = run_identity(name, policy_options, options, suite.seed, suite.split, stage.content)
            identity |= grading_identity(grading, [stage])
            folder = stack.enter_context(RunFolder(cell.path(self.out), identity))
            missing = [key for key in keys if folder.find(environment.id, key) is None]
            suite.check(environment, missing)
            recorder = Recorder(
                policy=name,
                policy_options=recorded_options(name, policy_options),
                options=options,
                folder=folder,
                save_trees=self.save_trees,
                progress=lambda result, _: None if result.attempt else report(cell),
                grading=grading,
            )
            results = play(stage, keys, recorder, self.workers, sandbox)
            if arm.best_of:
                budgets = {result.index: result.tokens for result in self._recursive(cell)}
                _attempt_again(stage, results, budgets, recorder, self.workers, sandbox)
            if missing:
                folder.finish()
        if missing:
            add_seconds(self.out, cell, monotonic() - started)

    def _recursive(self, cell: Cell) -> list[EpisodeResult]:
        """Return the results of the recursive arm on the tasks of a cell."""
        twin = Cell(policy=cell.policy, environment=cell.environment, arm=RECURSIVE, difficulty=cell.difficulty)
        return cell_results(self.out, twin)


def _attempt_again(
    stage: Stage,
    first: Sequence[EpisodeResult],
    budgets: Mapping[int, int],
    recorder: Recorder,
    workers: int,
    sandbox: Sandbox,
) -> None:
    """Attempt unsolved tasks again for as long as another attempt is expected to stay within the task's budget."""
    spent = {result.index: result.tokens for result in first}
    unsolved = [result for result in first if result.success is not None and result.success < 1]
    for attempt in range(1, MAX_ATTEMPTS):
        affordable = [
            result for result in unsolved if spent[result.index] * (1 + 1 / attempt) <= budgets.get(result.index, 0)
        ]
        if not affordable:
            return
        keys = [
            TaskKey(
                seed=result.seed,
                split=result.split,
                index=result.index,
                difficulty=result.difficulty,
                attempt=attempt,
            )
            for result in affordable
        ]
        unsolved = []
        for result in play(stage, keys, recorder, workers, sandbox):
            spent[result.index] += result.tokens
            if result.success is not None and result.success < 1:
                unsolved.append(result)


class _Players:
    """The policies of a run, each loaded once; use it in a `with` statement.

    Args:
        policies: The policies that are measured.
    """

    def __init__(self, policies: Sequence[BenchmarkPolicy]) -> None:
        self._options = {policy.name: policy.options for policy in policies}
        self._loaded: dict[str, Policy] = {}
        self._stack = ExitStack()

    def __enter__(self) -> _Players:
        """Return the players."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the policies that were loaded."""
        self._stack.close()

    def options(self, name: str) -> Mapping[str, Any]:
        """Return the options of a policy."""
        return self._options.get(name, {})

    def of(self, name: str, family: TaskFamily[Any]) -> Policy:
        """Return a policy; a family's scripted ones are its own."""
        if name in SCRIPTED:
            return load_policy(name, family)
        if name not in self._loaded:
            policy = load_policy(name, family, **self.options(name))
            if hasattr(policy, "close"):
                self._stack.callback(policy.close)
            self._loaded[name] = policy
        return self._loaded[name]
