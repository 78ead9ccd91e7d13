"""Progress display of a run: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from rao_train.run.logs import LogEntry
from rao_train.run.metrics import Metrics


class Reporter(Protocol):
    """Is told what a run does."""

    def start(self, phase: str, done: int, total: int) -> None:
        """Record that a phase begins, or resumes after `done` steps."""

    def report(self, entry: LogEntry) -> None:
        """Take the entry of a step."""

    def warn(self, text: str) -> None:
        """Take what a person should know at once."""


class SilentReporter:
    """Shows nothing."""

    def start(self, phase: str, done: int, total: int) -> None:
        """Show nothing."""

    def report(self, entry: LogEntry) -> None:
        """Show nothing."""

    def warn(self, text: str) -> None:
        """Show nothing."""


_ROWS = (
    ("success by depth", "success/depth_"),
    ("success by difficulty", "success/difficulty_"),
    ("evaluation by difficulty", "evaluation/success_"),
)
_PAIRS = (
    ("delegation rate", "tree/delegation_rate", "{:.2f}"),
    ("tree size", "tree/nodes", "{:.1f} nodes"),
    ("tree depth", "tree/depth", "{:.1f}"),
    ("entropy", "entropy", "{:.3f} nats"),
    ("ratio, mean", "ratio/mean", "{:.4f}"),
    ("ratio, largest", "ratio/max", "{:.2f}"),
    ("ratio, clipped", "ratio/clipped", "{:.2%}"),
    ("trainer against engine", "agreement/max", "{:.1e}"),
    ("generated tokens/s", "speed/generated", "{:,.0f}"),
    ("learned tokens/s", "speed/learned", "{:,.0f}"),
)
_SHARES = ("generation", "environment", "learning")


class ConsoleReporter:
    """Shows a live table on a terminal, and a line for every step elsewhere; use it in a `with` statement.

    Args:
        console: Where to show it.
        lines_every: Without a terminal: steps between lines.
    """

    def __init__(self, console: Console | None = None, *, lines_every: int = 10) -> None:
        self._console = console or Console()
        self._lines_every = lines_every
        self._latest: Metrics = {}
        self._totals: dict[str, int] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        )
        self._live = Live(self._progress, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> ConsoleReporter:
        """Begin to show."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and leave the last table where it is."""
        if self._console.is_terminal:
            self._live.stop()
            self._console.print(self._view())

    def start(self, phase: str, done: int, total: int) -> None:
        """Show a bar for the phase."""
        self._totals[phase] = total
        self._tasks[phase] = self._progress.add_task(phase, total=total, completed=done)

    def report(self, entry: LogEntry) -> None:
        """Show what a step measured."""
        self._latest |= entry.metrics
        if entry.phase in self._tasks:
            self._progress.update(self._tasks[entry.phase], completed=entry.step)
        if self._console.is_terminal:
            self._live.update(self._view())
        elif entry.phase not in self._totals or entry.step % self._lines_every == 0:
            self._console.print(_line(entry), highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Show a warning, above the table where there is one."""
        self._console.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _view(self) -> Group:
        """Return the bars and the table."""
        return Group(self._progress, _table(self._latest))


def _table(metrics: Metrics) -> Table:
    """Return the latest numbers as a table of two columns."""
    table = Table.grid(padding=(0, 2))
    for title, prefix in _ROWS:
        if found := _by_place(metrics, prefix):
            table.add_row(title, "  ".join(f"{place}: {value:.2f}" for place, value in found))
    for title, name, form in _PAIRS:
        if name in metrics:
            table.add_row(title, form.format(metrics[name]))
    if all(f"share/{name}" in metrics for name in _SHARES):
        shares = "  ".join(f"{name} {metrics[f'share/{name}']:.0%}" for name in _SHARES)
        table.add_row("share of time", shares)
    return table


def _line(entry: LogEntry) -> str:
    """Return a step as one line."""
    parts = [f"{entry.phase} {entry.step}"]
    for title, prefix in _ROWS[1:]:
        if found := _by_place(entry.metrics, prefix):
            parts.append(f"{title} " + " ".join(f"{place}:{value:.2f}" for place, value in found))
    for name, label in (("loss", "loss"), ("tree/nodes", "nodes"), ("entropy", "entropy"), ("seconds/step", "s")):
        if name in entry.metrics:
            parts.append(f"{label} {entry.metrics[name]:.3g}")
    return " | ".join(parts)


def _by_place(metrics: Metrics, prefix: str) -> list[tuple[int, float]]:
    """Return the numbers of a family of metrics by depth or difficulty."""
    return sorted((int(name[len(prefix) :]), value) for name, value in metrics.items() if name.startswith(prefix))
