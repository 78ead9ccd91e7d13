"""The demo's report: one HTML page that needs no network and no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rao_gym.plots import plot_cost
from rao_gym.tree import ExecutionTree
from rao_gym.viewer.html import write_page
from rao_train.demo.contenders import RAO, SINGLE, STRONG, TITLES, Contender
from rao_train.demo.figures import curves_figure, launch_figure, success_figure

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; }}
.wide {{ overflow-x: auto; }}
th, td {{ padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
iframe {{ width: 100%; height: 46rem; border: 1px solid #ccc; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>The task is to compute a nested expression modulo a small prime. An agent can hand an operand of its expression to a
copy of itself and gets back the operand's value. Nobody computes a nested expression in one turn.</p>
{story}
<h2>Before and after</h2>
<div class="wide">{table}</div>
<p><img src="{success}" alt="Success by difficulty, before and after learning"></p>
<h2>When to launch is discovered</h2>
<p><img src="{launches}" alt="Launch rate on nested expressions and on single operations, by training step"></p>
<h2>Learning curves</h2>
<p><img src="{curves}" alt="Success on test tasks by training step"></p>
<h2>Cost by difficulty</h2>
<p><img src="{cost}" alt="Turns, tokens, nodes, critical path, depth and speed-up by difficulty"></p>
<h2>Sample trees</h2>
<p>One tree of each difficulty for each policy, the largest first; those of single agents have one node. A child sees
only its own part of the expression, and its parent sees only the child's answer.</p>
<iframe title="Sample trees" sandbox="allow-scripts" srcdoc="{trees}"></iframe>
<p>{run}</p>
</body>
</html>
"""


def write_report(path: Path, contenders: Mapping[str, Contender], results: Mapping[str, Any]) -> None:
    """Write the page.

    Args:
        path: The file.
        contenders: The policies by name.
        results: The numbers of ``results.json``.
    """
    recipe = contenders[RAO].recipe
    trees = [tree for one in contenders.values() for tree in one.trees if tree.task.index == 0]
    text = _PAGE.format(
        title=html.escape(f"{recipe.environment.id}: a tiny model discovers when to delegate"),
        story="".join(f"<p>{html.escape(sentence)}</p>\n" for sentence in story_of(results)),
        table=_table(results),
        success=_data_uri(success_figure(results, TITLES)),
        launches=_data_uri(launch_figure(contenders[RAO].log)),
        curves=_data_uri(curves_figure({TITLES[name]: one.log for name, one in contenders.items()})),
        cost=_data_uri(_cost(contenders)),
        trees=html.escape(_trees(trees, recipe.credit.delegation_bonus), quote=True),
        run=html.escape(_run_of(results)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def story_of(results: Mapping[str, Any]) -> list[str]:
    """Return five sentences: what was taught, what was discovered, and what the single agents could do."""
    before, after = results["before"].get(RAO, {}).get("greedy", {}), results["success"]
    nested = [difficulty for difficulty in after[RAO] if difficulty != "1"]
    launched = results["before_launch"].get(RAO, {}).get("greedy", {})
    tokens = results["training_tokens"]
    return [
        "Taught, by imitation: single operations, how a launch is written, and how a result is read; the "
        "demonstrations launch or answer at once without a look at the task.",
        f"Before reinforcement learning the model launches on {_range(launched, nested)} of the nested expressions and "
        f"solves {_range(before, nested)} of them; a guess solves 1 in 13.",
        f"Discovered, by RAO: when to launch. Afterwards it launches on {_share(results['launch'], 'nested')} of the "
        f"nested expressions and on {_share(results['launch'], 'single_operation')} of the single operations, and "
        f"solves {_range(after[RAO], nested)} of the nested ones, also beyond the difficulties it was trained on.",
        f"The single agent, from the same weights and with as many steps, has nothing to discover: it solves "
        f"{_range(after[SINGLE], nested)} of the nested expressions.",
        f"The single agent with notes was taught to note every operation, attends to all it wrote, and learned "
        f"from {tokens[STRONG]:,} tokens where RAO learned from {tokens[RAO]:,}: it solves "
        f"{_range(after[STRONG], ['1'])} of the single operations, "
        f"{_range(after[STRONG], nested[:2])} of the expressions of difficulty {' and '.join(nested[:2])}, and "
        f"{_range(after[STRONG], nested[2:])} of the harder ones.",
    ]


def _share(values: Mapping[str, float], name: str) -> str:
    """Return a share in percent."""
    return f"{values[name]:.0%}" if name in values else "none"


def _range(values: Mapping[str, float | None], wanted: Sequence[str]) -> str:
    """Return the range of the wanted values in percent."""
    found = [value for key in wanted if (value := values.get(key)) is not None]
    if not found:
        return "an unknown share"
    low, high = f"{min(found):.0%}", f"{max(found):.0%}"
    return low if low == high else f"{low} to {high}"


def _table(results: Mapping[str, Any]) -> str:
    """Return success by difficulty, a row for each policy before and after."""
    rows: list[tuple[str, Mapping[str, float]]] = []
    for name, title in TITLES.items():
        for how, values in results["before"].get(name, {}).items():
            rows.append((f"{title}, before, {how}", values))
        rows.append((f"{title}, after, greedy", results["success"][name]))
        if name in results["success_sampled"]:
            rows.append((f"{title}, after, sampled", results["success_sampled"][name]))
    difficulties = list(results["success"][RAO])
    head = "".join(f"<th>{difficulty}</th>" for difficulty in difficulties)
    body = "".join(
        f"<tr><td>{html.escape(label)}</td>"
        + "".join(f"<td>{_cell(values.get(difficulty))}</td>" for difficulty in difficulties)
        + "</tr>"
        for label, values in rows
    )
    return f"<table><tr><th>success at difficulty</th>{head}</tr>{body}</table>"


def _cell(value: float | None) -> str:
    """Return a number as a cell."""
    return "-" if value is None else f"{value:.2f}"


def _run_of(results: Mapping[str, Any]) -> str:
    """Return what was run and how long it took."""
    seconds, steps = results["seconds"], results["steps"]
    parts = [f"{TITLES[name]}: {steps[name]} steps in {seconds[f'{name}_learning']:.0f} s" for name in TITLES]
    return (
        f"Recipe {results['recipe']}, seed {results['seed']}, {results['episodes']} test tasks of each difficulty. "
        f"Warm start {seconds['warm_start']:.0f} s; {'; '.join(parts)}; {seconds['total']:.0f} s in all."
    )


def _cost(contenders: Mapping[str, Contender]) -> bytes:
    """Return the plot of costs as a PNG."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cost.png"
        plot_cost({TITLES[name]: one.summaries for name, one in contenders.items()}, path, "Cost by difficulty")
        return path.read_bytes()


def _trees(trees: Sequence[ExecutionTree], delegation_bonus: float) -> str:
    """Return the page of sample trees."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trees.html"
        write_page(trees, path, "Sample trees", delegation_bonus=delegation_bonus)
        return path.read_text(encoding="utf-8")


def _data_uri(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
