"""Show the runs of `benchmarks.sb3_ppo` as one JSON file, a table and a plot.

``python benchmarks/sb3_report.py`` reads ``runs/sb3_ppo`` and writes ``docs/results/sb3_ppo.json``, ``.md`` and
``.png``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

TITLES = {"ppo": "PPO", "maskable": "MaskablePPO"}
TOLERANCE = 0.05
"""How far below the reference's return a learned policy may be, as a share of it."""

Run = Mapping[str, Any]

_HEAD = """# PPO that decides when to delegate

Written by `python benchmarks/sb3_report.py` from the runs of these commands:

```text
{commands}
```

Return is the root's success less the cost of every turn of every agent. Each number is a mean over {episodes} unseen
tasks of that difficulty, which all policies share; learned policies act deterministically. Fixed strategies take the
first of their actions that is possible: `benchmarks/sb3_ppo.py` lists them.
[From classic RL](../from_classic_rl.md) explains the setting.

![Return by difficulty](sb3_ppo.png)
"""


def main() -> None:
    """Write all three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/sb3_ppo"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    runs = sorted((json.loads(path.read_text()) for path in arguments.runs.glob("*.json")), key=_order)
    if not runs:
        parser.error(f"there are no runs in {arguments.runs}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "sb3_ppo.json").write_text(json.dumps(runs, indent=1) + "\n")
    (arguments.out / "sb3_ppo.md").write_text(page(runs))
    plot(runs).savefig(arguments.out / "sb3_ppo.png", dpi=120)


def _order(run: Run) -> tuple[Any, ...]:
    """Sort by setting; the fixed strategies first, the reference after them, what has learned last."""
    return (
        run["family"],
        run["turn_cost"],
        run["policy"] in TITLES,
        run["policy"] == "reference",
        run["policy"],
        run.get("seed", 0),
    )


def label(run: Run) -> str:
    """Return the name of a run's policy in tables and plots."""
    policy = str(run["policy"])
    title = TITLES.get(policy, policy)
    return f"{title}, seed {run['seed']}" if "seed" in run else title


def by_setting(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs of each family at each price of a turn, by its heading."""
    settings: dict[str, list[Run]] = {}
    for run in runs:
        settings.setdefault(f"{run['family']}, a turn costs {run['turn_cost']}", []).append(run)
    return settings


def command(run: Run) -> str:
    """Return the command of a run."""
    learned = f"--algorithm {run['policy']} --seed {run['seed']}" if "seed" in run else "--algorithm none"
    return f"python benchmarks/sb3_ppo.py {run['family']} {learned} --turn-cost {run['turn_cost']}"


def page(runs: Sequence[Run]) -> str:
    """Return the page with its tables."""
    settings = by_setting(runs)
    commands = dict.fromkeys(command(run) for run in runs if "seed" in run)
    commands |= dict.fromkeys(command(own[0]) for own in settings.values() if not any("seed" in run for run in own))
    head = _HEAD.format(commands="\n".join(commands), episodes=runs[0]["episodes"])
    return "\n".join([head, *(section(heading, own) for heading, own in settings.items())])


def section(heading: str, runs: Sequence[Run]) -> str:
    """Return the table of a setting, and how the learned policies compare."""
    difficulties = list(runs[0]["scores"])
    lines = [f"## {heading}", "", "Return (success, turns) by difficulty:", ""]
    lines += ["| policy | " + " | ".join(difficulties) + " |", "|---" * (1 + len(difficulties)) + "|"]
    for run in runs:
        cells = [f"{s['return']:.2f} ({s['success']:.2f}, {s['turns']:.1f})" for s in run["scores"].values()]
        lines.append(f"| {label(run)} | " + " | ".join(cells) + " |")
    lines += ["", *(verdict(run, runs) for run in runs if "seed" in run), ""]
    return "\n".join(lines)


def verdict(run: Run, runs: Sequence[Run]) -> str:
    """Return what a learned policy comes to: against the reference, and against the fixed strategies."""
    others = {other["policy"]: mean_return(other) for other in runs if "seed" not in other}
    reference = next(other for other in runs if other["policy"] == "reference")
    shares = {d: run["scores"][d]["return"] / scores["return"] for d, scores in reference["scores"].items()}
    worst = min(shares, key=shares.__getitem__)
    best = max((name for name in others if name != "reference"), key=others.__getitem__)
    within = f", within {TOLERANCE:.0%}." if shares[worst] >= 1 - TOLERANCE else "."
    return (
        f"- {label(run)}: {run['steps']:,} steps in {run['cpu_seconds']} s of one core. "
        f"Mean return {mean_return(run):.3f}; reference {others['reference']:.3f}; best fixed strategy, {best}, "
        f"{others[best]:.3f}. At its worst, at difficulty {worst}, it has {shares[worst]:.0%} of the reference's "
        f"return{within}"
    )


def mean_return(run: Run) -> float:
    """Return the mean return over all difficulties."""
    returns = [scores["return"] for scores in run["scores"].values()]
    return float(sum(returns) / len(returns))


def plot(runs: Sequence[Run]) -> Figure:
    """Return a plot of return by difficulty, a panel for each setting."""
    settings = by_setting(runs)
    figure = Figure(figsize=(6 * len(settings), 4.4), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, len(settings), squeeze=False)[0]
    for axes, (heading, own) in zip(panels, settings.items(), strict=True):
        for run in own:
            returns = [scores["return"] for scores in run["scores"].values()]
            line = "-" if "seed" in run else ":" if run["policy"] == "reference" else "--"
            axes.plot(list(run["scores"]), returns, marker="o", label=label(run), linestyle=line)
        axes.set(title=heading, xlabel="difficulty", ylabel="return (success less the cost of all turns)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
