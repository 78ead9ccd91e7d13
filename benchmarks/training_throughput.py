"""Where the time of training runs went: ``python benchmarks/training_throughput.py RUN... [--out FILE.png]``.

RUN is a folder of ``rao train``. Printed are medians over the steps of reinforcement learning: tokens per second of
each phase and its share of a step. The plot shows both by step, beside the success of the roots. To compare devices:

    rao train arithmetic_tiny --threads 1 --out runs/cpu
    rao train arithmetic_tiny model.device=cuda --out runs/cuda
    rao train arithmetic_30m --out runs/30m
    python benchmarks/training_throughput.py runs/cpu runs/cuda runs/30m
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from rao_train.run.logs import LogEntry, read_log
from rao_train.run.phases import TRAIN

PANELS = {
    "success/root": "success of the roots",
    "speed/generated": "generated tokens/s",
    "speed/learned": "learned tokens/s",
    "share/generation": "share of generation",
    "share/environment": "share of the environment",
    "share/learning": "share of learning",
}


def main() -> None:
    """Print the table and write the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("runs/training_throughput.png"))
    arguments = parser.parse_args()
    logs = {run.name: [entry for entry in read_log(run) if entry.phase == TRAIN] for run in arguments.runs}
    Console().print(table_of(logs))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure_of(logs).savefig(arguments.out, format="png")
    print(f"Wrote {arguments.out}")


def table_of(logs: Mapping[str, Sequence[LogEntry]]) -> Table:
    """Return the median of each metric, a column for each run."""
    table = Table("median over the steps", *logs)
    for metric, label in {"seconds/step": "seconds a step", **PANELS}.items():
        form = "{:,.0f}" if metric.startswith("speed/") else "{:.2f}"
        table.add_row(label, *(form.format(median(entry.metrics[metric] for entry in log)) for log in logs.values()))
    return table


def figure_of(logs: Mapping[str, Sequence[LogEntry]]) -> Figure:
    """Return a panel for each metric, by step, with a line for each run."""
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    for axes, (metric, label) in zip(figure.subplots(2, 3).flat, PANELS.items(), strict=True):
        for name, log in logs.items():
            axes.plot([entry.step for entry in log], [entry.metrics[metric] for entry in log], label=name)
        axes.set(title=label, xlabel="step", ylim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main()
