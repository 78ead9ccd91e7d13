"""What a turn and a node cost when the tree is large, and what suspended nodes hold."""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

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
    grow,
    launch_and_return,
    seconds_of,
)
from rao_gym.actions import write_cell
from rao_gym.tree import ExecutionTree, Node, NodeStatus

NUM_LARGE = 100_000
NUM_SMALL = 1_000
NUM_SUSPENDED = 1_000

Open = Callable[[str], CountingRuntime]
Record = Callable[[Figure], None]


def play_some(runtime: CountingRuntime) -> None:
    """Take 20 turns: 18 tool calls of the nodes that have waited longest, a launch and its return."""
    for _ in range(18):
        runtime.act(next(iter(runtime.ready)), PEEK)
    launch_and_return(runtime, next(iter(runtime.ready)), LAUNCH, FINISH)


def test_turns_do_not_slow_down(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """Turns in a tree of 100,000 nodes against turns in one of 1,000; means, so that garbage collection counts."""
    small, large = open_runtime("tools"), open_runtime("tools")
    grow(small, NUM_SMALL)
    grow(large, NUM_LARGE)
    baseline = Baseline(lambda: play_some(small))
    benchmark.pedantic(lambda: play_some(large), setup=baseline, rounds=500, warmup_rounds=10)
    ratio = seconds_of(benchmark).mean / baseline.mean_s
    record_figure(Figure(name="turn at 100,000 nodes / at 1,000", target=1.5, measured=ratio, unit="x"))


def test_bytes_per_node(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """Memory of 100,000 nodes, all unfinished and then all ended, without the text that they hold."""
    runtime = open_runtime("tools")
    gc.collect()
    tracemalloc.start()
    benchmark.pedantic(lambda: grow(runtime, NUM_LARGE), rounds=1)
    record_figure(
        Figure(name="bytes per unfinished node", target=4096, measured=bytes_per_node(runtime.tree), unit="B")
    )
    tree = runtime.tree
    runtime.reset(1, 2)
    record_figure(Figure(name="bytes per ended node", target=4096, measured=bytes_per_node(tree), unit="B"))
    tracemalloc.stop()


def test_suspended_nodes(benchmark: BenchmarkFixture, open_runtime: Open, record_figure: Record) -> None:
    """1,000 cells suspended at their `await` at once, then resumed: how many worker processes are alive at most."""
    runtime = open_runtime("python")
    root = runtime.tree.root
    cell = "import asyncio\nlaunches = [launch_subagent('Sum the numbers.', 0, 4) for _ in range(%d)]\n"
    num_workers: list[int] = []

    def suspend_and_resume() -> None:
        runtime.act(root, write_cell(f"{cell % NUM_SUSPENDED}print(len(await asyncio.gather(*launches)))"))
        for action in (LAUNCH_CELL, FINISH_CELL):
            for number, node in enumerate(list(runtime.ready)):
                runtime.act(node, action)
                if number % 50 == 0:
                    num_workers.append(count_child_processes())
            if action is LAUNCH_CELL:
                assert all(node.status is NodeStatus.WAITING for node in root.children)
        for node in list(runtime.ready):
            runtime.act(node, FINISH_CELL)

    benchmark.pedantic(suspend_and_resume, rounds=1)
    assert root.messages[-1]["content"] == str(NUM_SUSPENDED)
    record_figure(Figure(name="workers for 1,000 suspended nodes", target=8, measured=max(num_workers), unit="alive"))


def count_child_processes() -> int:
    """Return how many children this process has, by Linux's process table."""
    num_children = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we were looking
            continue
        num_children += int(fields[1]) == os.getpid()
    return num_children


def texts_of(node: Node) -> list[str]:
    """Return the texts that a node holds."""
    return [node.goal, *(message["content"] for message in node.messages)]


def bytes_per_node(tree: ExecutionTree) -> float:
    """Return what has been allocated since tracing began, less the text, for each node."""
    gc.collect()
    texts = {id(text): sys.getsizeof(text) for node in tree.nodes for text in texts_of(node)}
    return (tracemalloc.get_traced_memory()[0] - sum(texts.values())) / len(tree)
