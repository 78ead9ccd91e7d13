"""The fixtures of the throughput benchmarks, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from counting import Counting

from benchmarks.throughput.load import NO_LIMITS, CountingRuntime, Figure
from rao_gym.runtime import Runtime

_FIGURES = pytest.StashKey[list[Figure]]()


@pytest.fixture
def record_figure(request: pytest.FixtureRequest) -> Callable[[Figure], None]:
    """Put a figure into the table."""
    return request.config.stash.setdefault(_FIGURES, []).append


@pytest.fixture
def open_runtime() -> Iterator[Callable[[str], CountingRuntime]]:
    """Open a runtime without limits in an action form, on a task of four numbers."""
    runtimes: list[CountingRuntime] = []

    def open_one(actions: str) -> CountingRuntime:
        runtime = Runtime(Counting(), NO_LIMITS, actions)
        runtime.reset(0, 2)
        runtimes.append(runtime)
        return runtime

    yield open_one
    for runtime in runtimes:
        runtime.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    figures = config.stash.get(_FIGURES, [])
    if not figures:
        return
    terminalreporter.section("throughput")
    width = max(len(figure.name) for figure in figures)
    terminalreporter.write_line(f"{'figure':<{width}}  {'target':>12}  {'measured':>12}  met")
    for figure in figures:
        target = f"<= {figure.target:g} {figure.unit}"
        measured = f"{figure.measured:.4g} {figure.unit}"
        met = "yes" if figure.measured <= figure.target else "no"
        terminalreporter.write_line(f"{figure.name:<{width}}  {target:>12}  {measured:>12}  {met}")
