"""``python -m benchmarks.peers``: times each row in turns with its peer and prints medians and ratios."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

from benchmarks.peers.peers import ROWS, Row

IMPORTS = {
    "ours": "import gymnasium, rao_gym; gymnasium.make('rao/Arithmetic-v0').reset(seed=0)",
    "rlms": "from rlm.environments.local_repl import LocalREPL; LocalREPL().execute_code('x = 1')",
}
WARM_UP = 20


def main() -> int:
    """Print the table; rows whose peer is not installed say so."""
    table = Table(title="ours / peer, medians of interleaved calls in one process", title_justify="left")
    for name in ("work", "peer", "ours (us)", "peer (us)", "ours / peer", "where it is slower: what it buys"):
        table.add_column(name)
    for row in ROWS:
        table.add_row(*_cells(row))
    table.add_row(*_first_use())
    Console(width=150).print(table)
    return 0


def _cells(row: Row) -> list[str]:
    """Measure a row."""
    try:
        with row.open() as (ours, theirs):
            mine, other = _interleaved(ours, theirs, row.rounds)
    except ImportError:
        return [row.work, row.peer, "-", "-", "-", f"not installed: pip install {row.package}"]
    ratio = mine / other
    return [
        row.work,
        row.peer,
        f"{mine * 1e6:.1f}",
        f"{other * 1e6:.1f}",
        f"{ratio:.2f}",
        row.why if ratio > 1 else "",
    ]


def _interleaved(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median seconds of both functions, called in turns so that both meet the same machine."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + WARM_UP):
        for place, function in enumerate((ours, theirs)):
            started = perf_counter()
            function()
            if number >= WARM_UP:
                seconds[place].append(perf_counter() - started)
    return median(seconds[0]), median(seconds[1])


def _first_use(rounds: int = 7) -> list[str]:
    """Measure the import and the first episode, each in a new process, less that of an empty program."""
    seconds: dict[str, list[float]] = {name: [] for name in (*IMPORTS, "nothing")}
    for _ in range(rounds):
        for name, program in (*IMPORTS.items(), ("nothing", "pass")):
            started = perf_counter()
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
            if done.returncode:
                return ["import and first episode", "rlms", "-", "-", "-", "not installed: pip install rlms"]
            seconds[name].append(perf_counter() - started)
    empty = median(seconds["nothing"])
    mine, other = median(seconds["ours"]) - empty, median(seconds["rlms"]) - empty
    why = "NumPy and Gymnasium, which the peer does not use" if mine > other else ""
    return ["import and first episode", "rlms", f"{mine * 1e6:,.0f}", f"{other * 1e6:,.0f}", f"{mine / other:.2f}", why]


if __name__ == "__main__":
    sys.exit(main())
