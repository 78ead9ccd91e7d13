"""Measure how many faulty solutions the hidden tests of ``rao/Code-v0`` reject.

Each mutant is a reference solution with one small error. It is rejected when it fails a hidden test. One that
passes them all counts as equivalent, and is left out, only if it also returns what the reference returns on 2,000
fresh random inputs, drawn with seeds that no hidden test was drawn with.

Run it as ``python benchmarks/mutants.py``; ``--help`` shows what can be chosen.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic_monty as monty
from rich.console import Console
from rich.table import Table

from rao_gym.sandbox import Sandbox, SandboxLimits, WorkerDiedError
from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.code import Code
from rao_gym.tasks.code.functions import Function, join_sources, reference_source, same_value
from rao_gym.tasks.code.inputs import Constants, draw_input
from rao_gym.tasks.code.judge import Judge, run_code
from rao_gym.tasks.code.library import ENTRIES, library_functions
from rao_gym.tasks.code.mutation import KINDS, Mutant, mutants

NUM_FRESH = 2_000
FRESH_SEED = 77
_BATCH = "def attempt(arguments):\n    try:\n        return ['value', {name}(*arguments)]\n    except Exception as e:\n"
_BATCH += "        return ['error', str(type(e))]\n\n[attempt(arguments) for arguments in fresh_inputs]"


@dataclass(frozen=True)
class Subject:
    """A function whose hidden tests are measured.

    Attributes:
        functions: The functions of its module.
        name: The function.
        fresh: Arguments of calls that no hidden test was chosen from.
    """

    functions: Mapping[str, Function]
    name: str
    fresh: Sequence[tuple[Any, ...]]


def composed_subjects(difficulties: Sequence[int], num_tasks: int) -> Iterator[Subject]:
    """Yield the targets of composed modules, and one helper of each."""
    family = Code(source="composed")
    for difficulty in difficulties:
        for index in range(num_tasks):
            context = family.sample(FRESH_SEED, "test", index, difficulty).context
            rng = np.random.default_rng([FRESH_SEED, difficulty, index])
            for name in (context.wanted[0], context.visible[int(rng.integers(1, len(context.visible)))]):
                kind = context.functions[name].signature.partition(": ")[2].rpartition(") -> ")[0]
                constants = Constants.of(reference_source(context.functions, [name]))
                fresh = [(draw_input(kind, constants, rng),) for _ in range(NUM_FRESH)]
                yield Subject(context.functions, name, fresh)


def library_subjects() -> Iterator[Subject]:
    """Yield every function of the library."""
    rng = np.random.default_rng(FRESH_SEED)
    for split in SPLITS:
        for entry in ENTRIES[split]:
            yield Subject(library_functions(split), entry.name, [entry.draw(rng) for _ in range(NUM_FRESH)])


class Bench:
    """Runs mutants against hidden tests, and those that pass against fresh inputs."""

    def __init__(self) -> None:
        self._judge = Judge()
        self._sandbox = Sandbox(SandboxLimits(cell_seconds=20.0, memory_bytes=512 * 2**20), max_workers=1)

    def rejects(self, subject: Subject, source: str) -> bool:
        """Tell whether a source fails a hidden test."""
        cases = subject.functions[subject.name].cases.hidden
        return not all(outcome.passed for outcome in self._judge.run(source, {subject.name: cases})[subject.name])

    def is_equivalent(self, subject: Subject, source: str) -> bool:
        """Tell whether a source returns what the reference returns on all fresh inputs."""
        reference = reference_source(subject.functions, [subject.name])
        results = self._results(subject, source)
        return results is not None and same_value(self._results(subject, reference), results)

    def _results(self, subject: Subject, source: str) -> Any:
        """Return what a source returns on the fresh inputs, None if it does not come to an end."""
        session = self._sandbox.open("fresh", {"fresh_inputs": list(subject.fresh)})
        try:
            return run_code(session, source + "\n\n" + _BATCH.replace("{name}", subject.name))
        except (monty.MontyError, WorkerDiedError):
            return None
        finally:
            session.close()

    def close(self) -> None:
        """End the workers."""
        self._judge.close()
        self._sandbox.close()


def with_mutant(subject: Subject, mutant: Mutant) -> str:
    """Return the reference solution with one function replaced by a mutant."""
    reference = reference_source(subject.functions, [subject.name])
    return join_sources([reference, mutant.source])


@dataclass
class Tally:
    """Mutants by kind.

    Attributes:
        rejected: Those that failed a hidden test.
        survived: Those that passed, although they are not equivalent.
        equivalent: Those that are left out.
    """

    rejected: Counter[str]
    survived: Counter[str]
    equivalent: Counter[str]

    @property
    def rate(self) -> float:
        """Share of the mutants that are not equivalent that was rejected."""
        return self.rejected.total() / max(1, self.rejected.total() + self.survived.total())


def measure(subjects: Iterator[Subject], num_mutants: int, *, verbose: bool = False) -> Tally:
    """Measure a sample of the mutants of every subject: a kind is drawn first, then one of its mutants."""
    tally = Tally(Counter(), Counter(), Counter())
    bench = Bench()
    for number, subject in enumerate(subjects):
        rng = np.random.default_rng([FRESH_SEED, number])
        for mutant in draw_mutants(reference_source(subject.functions, [subject.name]), num_mutants, rng):
            source = with_mutant(subject, mutant)
            if bench.rejects(subject, source):
                tally.rejected[mutant.kind] += 1
            elif bench.is_equivalent(subject, source):
                tally.equivalent[mutant.kind] += 1
            else:
                tally.survived[mutant.kind] += 1
                if verbose:
                    print(f"survived in {subject.name}: {mutant.kind}\n{mutant.source}\n")
    bench.close()
    return tally


def draw_mutants(source: str, count: int, rng: np.random.Generator) -> list[Mutant]:
    """Draw mutants without repetition: a kind first, so that rare kinds are measured too, then a mutant of it."""
    by_kind = {kind: list(mutants(source, [kind])) for kind in KINDS}
    drawn: list[Mutant] = []
    while len(drawn) < count and any(by_kind.values()):
        kinds = [kind for kind, group in by_kind.items() if group]
        group = by_kind[kinds[int(rng.integers(len(kinds)))]]
        drawn.append(group.pop(int(rng.integers(len(group)))))
    return drawn


def table(title: str, tally: Tally) -> Table:
    """Return the tally by kind."""
    result = Table(title=title)
    for heading in ("mutation", "rejected", "survived", "equivalent", "rate"):
        result.add_column(heading, justify="left" if heading == "mutation" else "right")
    for kind in KINDS:
        rejected, survived = tally.rejected[kind], tally.survived[kind]
        rate = f"{rejected / (rejected + survived):.1%}" if rejected + survived else "-"
        result.add_row(kind, str(rejected), str(survived), str(tally.equivalent[kind]), rate)
    counts = [str(group.total()) for group in (tally.rejected, tally.survived, tally.equivalent)]
    result.add_row("all", *counts, f"{tally.rate:.1%}", style="bold")
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how many faulty solutions the hidden tests reject.")
    parser.add_argument("--source", choices=("composed", "stdlib", "both"), default="both")
    parser.add_argument("--max-difficulty", type=int, default=10, help="composed modules of difficulties 1 to this")
    parser.add_argument("--tasks", type=int, default=2, help="composed modules of each difficulty")
    parser.add_argument("--mutants", type=int, default=24, help="mutants of each function")
    parser.add_argument("--verbose", action="store_true", help="print the mutants that survive")
    options = parser.parse_args(arguments)
    subjects = {
        "composed": lambda: composed_subjects(range(1, options.max_difficulty + 1), options.tasks),
        "stdlib": library_subjects,
    }
    for source in ("composed", "stdlib") if options.source == "both" else (options.source,):
        Console().print(table(source, measure(subjects[source](), options.mutants, verbose=options.verbose)))


if __name__ == "__main__":
    main()
