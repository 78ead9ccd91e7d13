"""Shared by several commands: arguments, options, the console and the progress bar."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import EpisodeResult, Summary
from rao_gym.evaluation import Progress as OnEpisode
from rao_gym.tree import ExecutionTree

_PLAIN_WIDTH = 140
_COLUMNS = (
    "difficulty",
    "success",
    "95%\ninterval",
    "turns",
    "tokens",
    "nodes",
    "depth",
    "critical\npath",
    "speed-up",
    "episodes",
)
_MAX_DIFFICULTIES = 10_000


def add_environment_arguments(parser: argparse.ArgumentParser, *, recursion: bool = True) -> None:
    """Add the arguments for the environment's options; `recursion` adds ``--no-recursion``."""
    parser.add_argument("--kind", help="kind of task; `rao envs` lists them")
    parser.add_argument("--window", type=int, metavar="TOKENS", help="most tokens of each node's transcript")
    parser.add_argument("--max-depth", type=int, metavar="N", help="largest depth of a node; the root has 0")
    parser.add_argument("--actions", help="action form: python or tools")
    if recursion:
        parser.add_argument("--no-recursion", action="store_true", help="disable launching sub-agents")
    parser.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the environment; VALUE is JSON, or else text",
    )


def environment_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the environment's options by name.

    Raises:
        InvalidValueError: An option is not of the form NAME=VALUE.
    """
    flags = {name: getattr(arguments, name) for name in ("kind", "window", "max_depth", "actions")}
    options = {name: value for name, value in flags.items() if value is not None}
    if getattr(arguments, "no_recursion", False):
        options["recursive"] = False
    return options | parse_assignments("--option", arguments.option)


def add_run_arguments(parser: argparse.ArgumentParser, *, difficulty: str, episodes: int) -> None:
    """Add the arguments for choosing and running tasks."""
    parser.add_argument("--difficulty", default=difficulty, metavar="RANGE", help="for example 3, 1-6, 1,2,5 or 1-3,8")
    parser.add_argument("--episodes", type=int, default=episodes, metavar="N", help="episodes per difficulty")
    parser.add_argument("--seed", type=int, default=0, help="seed for sampling tasks")
    parser.add_argument("--split", default="test", help="train, validation or test")
    parser.add_argument("--workers", type=int, default=8, metavar="W", help="episodes played at once")


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for where success signals come from."""
    parser.add_argument(
        "--signals",
        metavar="SOURCES",
        help="sources of success signals in order: exact, judge, root, zero, as in exact,judge,root",
    )
    parser.add_argument("--judge", metavar="NAME", help="who judges: openai:MODEL or module:name")
    parser.add_argument("--judge-base-url", metavar="URL", help="URL of the judge's OpenAI-compatible server")
    parser.add_argument(
        "-j",
        "--judge-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the judge; VALUE is JSON, or else text",
    )


def judge_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return where success signals come from, as `evaluate` takes it.

    Raises:
        InvalidValueError: An option is not of the form NAME=VALUE.
    """
    options = {} if arguments.judge_base_url is None else {"base_url": arguments.judge_base_url}
    options |= parse_assignments("--judge-option", arguments.judge_option)
    return {"signals": arguments.signals, "judge": arguments.judge, "judge_options": options}


def parse_difficulties(text: str) -> list[int]:
    """Parse difficulties such as ``3``, ``1-6``, ``1,2,5`` or ``1-3,8``.

    Raises:
        InvalidValueError: The text has another form, or a difficulty is below 1.
    """
    difficulties: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends):
            raise InvalidValueError(f"difficulty must have a form like 3, 1-6 or 1,2,5, got {text!r}.")
        low, high = int(ends[0]), int(ends[1])
        if not 1 <= low <= high or high - low >= _MAX_DIFFICULTIES:
            raise InvalidValueError(f"difficulty must be an ascending range from at least 1, got {part.strip()!r}.")
        difficulties.extend(range(low, high + 1))
    return list(dict.fromkeys(difficulties))


def parse_assignments(flag: str, texts: Sequence[str]) -> dict[str, Any]:
    """Parse options such as ``window=2048``; values are JSON, or else text.

    Raises:
        InvalidValueError: A text has no ``=``, or no name before it.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidValueError(f"{flag} must have the form NAME=VALUE, got {text!r}.")
        try:
            values[name.strip().replace("-", "_")] = json.loads(value)
        except (ValueError, RecursionError):
            values[name.strip().replace("-", "_")] = value
    return values


def output_console() -> Console:
    """Return the console for results, with a width that fits tables if it is not a terminal."""
    width = None if sys.stdout.isatty() else _PLAIN_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)


@contextmanager
def progress_bar(label: str, num_episodes: int) -> Iterator[OnEpisode]:
    """Show a progress bar on stderr if it is a terminal, and yield the function that counts an episode."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("success {task.fields[success]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(label, total=num_episodes, success="-")
        total, counted = 0.0, 0

        def on_episode(result: EpisodeResult, _tree: ExecutionTree | None) -> None:
            nonlocal total, counted
            if result.success is not None:
                total, counted = total + result.success, counted + 1
            progress.update(bar, advance=1, success=f"{total / counted:.2f}" if counted else "-")

        yield on_episode


def summary_table(title: str, summaries: Sequence[Summary], labels: Sequence[str] | None = None) -> Table:
    """Return summaries as a table.

    Args:
        title: Title of the table.
        summaries: One for each row.
        labels: The first column; by default the ids, if there are several.
    """
    if labels is None and len({summary.id for summary in summaries}) > 1:
        labels = [summary.id for summary in summaries]
    excluded = any(summary.excluded for summary in summaries)
    counters = sorted({summary.token_counter for summary in summaries if summary.token_counter})
    caption = f"tokens counted by: {', '.join(counters)}" if counters else None
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    if labels is not None:
        table.add_column("policy" if len({summary.id for summary in summaries}) == 1 else "id", overflow="fold")
    for name in (*_COLUMNS, "excluded") if excluded else _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for place, summary in enumerate(summaries):
        label = [] if labels is None else [labels[place]]
        table.add_row(*label, *_cells(summary), *([str(summary.excluded)] if excluded else []))
    return table


def shown(value: float | None, digits: int) -> str:
    """Return a number as a cell; a dash for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def _cells(summary: Summary) -> list[str]:
    """Return the cells of one row."""
    interval = "-" if summary.low is None else f"{shown(summary.low, 2)}-{shown(summary.high, 2)}"
    return [
        str(summary.difficulty),
        shown(summary.success, 2),
        interval,
        shown(summary.turns, 1),
        shown(summary.tokens, 0),
        shown(summary.nodes, 1),
        shown(summary.depth, 1),
        shown(summary.critical_path, 1),
        shown(summary.speed_up, 1),
        str(summary.episodes),
    ]
