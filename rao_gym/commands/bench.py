"""`rao bench`: run the generalization benchmark; merge, compare, validate and export its results."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from rao_gym.benchmark.arms import choose_arms
from rao_gym.benchmark.comparison import compare_runs
from rao_gym.benchmark.export.eval_results import export_eval_results
from rao_gym.benchmark.export.hub_dataset import export_dataset
from rao_gym.benchmark.export.upload import upload
from rao_gym.benchmark.folder import Benchmark, BenchmarkPolicy, Cell
from rao_gym.benchmark.merge import merge
from rao_gym.benchmark.report import write_report
from rao_gym.benchmark.run import OnTask, Shard, num_tasks, run_benchmark
from rao_gym.benchmark.suite import freeze, load_suite
from rao_gym.benchmark.validation import validate
from rao_gym.commands.common import (
    add_judge_arguments,
    judge_arguments,
    output_console,
    parse_assignments,
    shown,
)
from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.evaluation.store import write_whole
from rao_gym.judges import Grading

EXPORTS = {"hub-dataset": "dataset", "eval-results": "model"}
"""The formats of an export, and the kind of repository on the Hub that each is for."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("bench", help="run the generalization benchmark, and compare its results")
    parser.add_argument("--suite", default="quick", metavar="NAME", help="a suite's name or a manifest (default quick)")
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="POLICY",
        help="a policy, as for `rao eval`; give it several times for several policies (default reference)",
    )
    parser.add_argument(
        "-p", "--policy-option", action="append", default=[], metavar="NAME=VALUE", help="an option of every policy"
    )
    parser.add_argument("--arms", metavar="NAMES", help="arms to play, separated by commas (default all)")
    parser.add_argument("--environments", metavar="NAMES", help="environments of the suite to play (default all)")
    add_judge_arguments(parser)
    parser.add_argument("--shard", default="1/1", metavar="N/M", help="play the N-th of M shares of the tasks")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    parser.add_argument("--workers", type=int, default=8, metavar="W", help="episodes played at once in a process")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; a run in it is continued")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=type(parser))
    _add_merge(actions)
    _add_compare(actions)
    _add_validate(actions)
    _add_freeze(actions)
    _add_export(actions)


def run(arguments: argparse.Namespace) -> int:
    """Play what is missing, and write the report."""
    out = _required(arguments.out, "--out DIR")
    benchmark, shard = _benchmark(arguments), Shard.parse(arguments.shard)
    with _progress(num_tasks(benchmark, shard)) as on_task:
        try:
            run_benchmark(
                benchmark,
                out,
                shard=shard,
                workers=arguments.workers,
                processes=arguments.processes,
                on_task=on_task,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"Interrupted; finished episodes are in {out}. Run the same to go on.") from None
    return _report(out)


def _benchmark(arguments: argparse.Namespace) -> Benchmark:
    """Return what the arguments ask for."""
    suite = load_suite(arguments.suite)
    options = parse_assignments("--policy-option", arguments.policy_option)
    names = list(dict.fromkeys(arguments.policy or ["reference"]))
    if options and len(names) > 1:
        raise InvalidValueError("--policy-option applies to one policy; run several policies with options one by one.")
    environments = _names(arguments.environments) or [each.name for each in suite.environments]
    return Benchmark(
        suite=suite,
        policies=[BenchmarkPolicy(name=name, options=options) for name in names],
        arms=[arm.name for arm in choose_arms(_names(arguments.arms))],
        environments=[suite.environment(name).name for name in environments],
        grading=Grading(**judge_arguments(arguments)),
    )


def _report(out: Path) -> int:
    """Write and print the results of a folder."""
    document = write_report(out)
    console = output_console()
    console.print(_standings(document))
    if not document["complete"]:
        console.print(f"Incomplete: {document['missing_episodes']} episodes are missing.")
    console.print(f"Wrote results.json, results.csv, results.md, figures and index.html in {out}")
    return 0


def _standings(document: dict[str, Any]) -> Table:
    """Return the standings as a table."""
    table = Table(title=f"suite {document['suite']}, version {document['suite_version']}", title_justify="left")
    for name in ("environment", "policy", "arm"):
        table.add_column(name, overflow="fold")
    for name in ("held\nat 80%", "held\nat 50%", "past\ntraining", "95%\ninterval", "share of\nceiling", "tasks"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in document["standings"]:
        interval = "-" if row["past_low"] is None else f"{row['past_low']:.2f}-{row['past_high']:.2f}"
        table.add_row(
            row["environment"],
            row["policy"],
            row["arm"],
            str(row["held_80"]),
            str(row["held_50"]),
            shown(row["past_success"], 2),
            interval,
            shown(row["ceiling_share"], 2),
            str(row["past_tasks"]),
        )
    return table


def _add_merge(actions: Any) -> None:
    """Add ``rao bench merge``."""
    parser = actions.add_parser("merge", help="merge the shards of a run")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a shard")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for all of them")
    parser.set_defaults(run=_merge)


def _merge(arguments: argparse.Namespace) -> int:
    """Merge shards, and write the report."""
    out = _required(arguments.out, "--out DIR")
    merge(arguments.runs, out)
    return _report(out)


def _add_compare(actions: Any) -> None:
    """Add ``rao bench compare``."""
    parser = actions.add_parser("compare", help="compare two runs on the same tasks")
    parser.add_argument("first", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("second", type=Path, metavar="RUN", help="the run to compare it with")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Print a table of paired differences."""
    table = Table(title=f"{arguments.second} minus {arguments.first}", title_justify="left")
    for name in ("environment", "arm", "policy", "against"):
        table.add_column(name, overflow="fold")
    for name in ("difficulty", "tasks", "difference", "95%\ninterval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in compare_runs(arguments.first, arguments.second):
        interval = "-" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"
        difference = "-" if row.difference is None else f"{row.difference:+.2f}"
        table.add_row(
            row.environment,
            row.arm,
            row.policy,
            row.against_policy,
            str(row.difficulty),
            str(row.tasks),
            difference,
            interval,
        )
    output_console().print(table)
    return 0


def _add_validate(actions: Any) -> None:
    """Add ``rao bench validate``."""
    parser = actions.add_parser("validate", help="check results against their schema, suite and episodes")
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results.json in the folder of its run")
    parser.set_defaults(run=_validate)


def _validate(arguments: argparse.Namespace) -> int:
    """Check results, and say what was checked."""
    document = validate(arguments.results)
    cells = len(document["cells"])
    output_console().print(f"{arguments.results} is valid: {cells} cells agree with their episodes and the suite.")
    return 0


def _add_freeze(actions: Any) -> None:
    """Add ``rao bench freeze``."""
    parser = actions.add_parser("freeze", help="write the manifest of a suite of your own")
    parser.add_argument("specification", type=Path, metavar="TOML", help="what the suite holds")
    parser.add_argument("--out", type=Path, metavar="JSON", help="the manifest to write")
    parser.set_defaults(run=_freeze)


def _freeze(arguments: argparse.Namespace) -> int:
    """Sample the tasks, and write the manifest."""
    out = _required(arguments.out, "--out JSON")
    suite = freeze(arguments.specification)
    write_whole(out, suite.to_json())
    count = sum(len(tasks) for each in suite.environments for tasks in each.tasks.values())
    output_console().print(f"Wrote {count} tasks of {len(suite.environments)} environments to {out}")
    return 0


def _add_export(actions: Any) -> None:
    """Add ``rao bench export``."""
    parser = actions.add_parser("export", help="write a run in another format, and upload it if asked")
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--to", required=True, metavar="FORMAT", help=", ".join(EXPORTS))
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write")
    parser.add_argument("--policy", metavar="NAME", help="eval-results: whose results, if the run has several policies")
    parser.add_argument("--dataset", metavar="OWNER/NAME", help="eval-results: the benchmark's dataset on the Hub")
    parser.add_argument("--upload", metavar="OWNER/NAME", help="upload the folder to this repository of the Hub")
    parser.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> int:
    """Write a run in another format."""
    out = _required(arguments.out, "--out DIR")
    if arguments.to not in EXPORTS:
        raise unknown_name("export format", arguments.to, EXPORTS)
    if arguments.to == "hub-dataset":
        files = export_dataset(arguments.folder, out)
    else:
        if arguments.dataset is None:
            raise InvalidValueError("--to eval-results needs --dataset OWNER/NAME, the benchmark's dataset on the Hub.")
        files = export_eval_results(arguments.folder, out, dataset=arguments.dataset, policy=arguments.policy)
    console = output_console()
    console.print(f"Wrote {', '.join(str(file) for file in files)}")
    if arguments.upload is not None:
        console.print(f"Uploaded to {upload(out, arguments.upload, kind=EXPORTS[arguments.to])}")
    return 0


@contextmanager
def _progress(total: int) -> Iterator[OnTask]:
    """Show a progress bar with an estimate on stderr if it is a terminal, and yield what counts a task."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("bench", total=total)

        def on_task(cell: Cell) -> None:
            progress.update(bar, advance=1, description=f"{cell.environment}, {cell.arm}, {cell.difficulty}")

        yield on_task


def _names(text: str | None) -> list[str] | None:
    """Return names that are separated by commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _required(path: Path | None, option: str) -> Path:
    """Return a path that must be given.

    Raises:
        InvalidValueError: It is not.
    """
    if path is None:
        raise InvalidValueError(f"{option} is needed.")
    return path
