"""What one turn and one launch cost."""

from __future__ import annotations

from collections.abc import Callable

import pydantic_monty as monty
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.throughput.load import (
    FINISH,
    FINISH_CELL,
    LAUNCH,
    LAUNCH_CELL,
    PEEK,
    Baseline,
    CountingRuntime,
    Figure,
    launch_and_return,
    seconds_of,
)
from rao_gym.actions import write_cell

CODE = "total = 0\nfor number in range(10):\n    total += number * number\nprint(total)"
ROUNDS = 1_000

Open = Callable[[str], CountingRuntime]
Record = Callable[[Figure], None]


def test_python_turn(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """A turn whose cell computes and prints, against the same code fed to a bare Monty session."""
    runtime = open_runtime("python")
    root, action = runtime.tree.root, write_cell(CODE)
    printed: list[str] = []
    with monty.Monty(max_processes=1) as pool, pool.checkout() as session:
        bare = Baseline(lambda: session.feed_run(CODE, print_callback=lambda _stream, text: printed.append(text)))
        benchmark.pedantic(lambda: runtime.act(root, action), setup=bare, rounds=ROUNDS, warmup_rounds=10)
    assert root.messages[-1]["content"] == "285"
    assert printed[0] == "285\n"
    ratio = seconds_of(benchmark).median / bare.median_s
    record_figure(Figure(name="python turn / bare cell of the same code", target=3, measured=ratio, unit="x"))


def test_tools_turn(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """A turn with one tool call."""
    runtime = open_runtime("tools")
    root = runtime.tree.root
    benchmark.pedantic(lambda: runtime.act(root, PEEK), rounds=ROUNDS, warmup_rounds=10)
    assert "number" in root.messages[-1]["content"]
    microseconds = seconds_of(benchmark).median * 1e6
    record_figure(Figure(name="tools turn", target=100, measured=microseconds, unit="us"))


def test_launch_python(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """A launch, the child's session with the one cell in which it finishes, and the parent's cell going on."""
    runtime = open_runtime("python")
    root = runtime.tree.root
    benchmark.pedantic(
        lambda: launch_and_return(runtime, root, LAUNCH_CELL, FINISH_CELL), rounds=ROUNDS // 2, warmup_rounds=10
    )
    assert root.messages[-1]["content"] == "3"
    milliseconds = seconds_of(benchmark).median * 1e3
    record_figure(Figure(name="launch and return, python", target=1, measured=milliseconds, unit="ms"))


def test_launch_tools(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """A launch and the one call in which the child finishes."""
    runtime = open_runtime("tools")
    root = runtime.tree.root
    benchmark.pedantic(lambda: launch_and_return(runtime, root, LAUNCH, FINISH), rounds=ROUNDS, warmup_rounds=10)
    assert root.messages[-1]["content"] == "<tool_response>\n3\n</tool_response>"
    milliseconds = seconds_of(benchmark).median * 1e3
    record_figure(Figure(name="launch and return, tools", target=1, measured=milliseconds, unit="ms"))
