"""Write benchmark results for people: CSV, Markdown, figures, and one page that links each number to its tree."""

from __future__ import annotations

import base64
import csv
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rao_gym.benchmark.figures import plot_environment
from rao_gym.benchmark.folder import Cell
from rao_gym.benchmark.results import write_results
from rao_gym.evaluation.store import TREES, read_trees, write_whole
from rao_gym.jsonable import printable
from rao_gym.tree import ExecutionTree
from rao_gym.viewer.html import write_page

TABLE = "results.md"
SHEET = "results.csv"
PAGE = "index.html"


def write_report(out: Path) -> dict[str, Any]:
    """Compute the results of a folder and write them in every form.

    Returns:
        The results; see `summarize_folder`.
    """
    document = write_results(out)
    _write_sheet(document["cells"], out / SHEET)
    write_whole(out / TABLE, markdown(document))
    for environment in document["ranges"]:
        plot_environment(document, environment, out / f"{environment}.png")
    _write_web_page(document, out)
    return document


def _write_sheet(cells: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the cells as CSV; reasons for stopping become columns of their own."""
    reasons = sorted({reason for cell in cells for reason in cell["stop_reasons"]})
    with path.open("w", newline="", encoding="utf-8") as file:
        names = [name for name in (cells[0] if cells else ()) if name != "stop_reasons"]
        writer = csv.DictWriter(file, [*names, *(f"stopped_{reason}" for reason in reasons)])
        writer.writeheader()
        for cell in cells:
            row = {name: cell[name] for name in names}
            writer.writerow(row | {f"stopped_{reason}": cell["stop_reasons"].get(reason, 0) for reason in reasons})


def markdown(document: Mapping[str, Any]) -> str:
    """Return the results as Markdown: success by difficulty, standings, and what recursion changes."""
    lines = [f"# {_title(document)}", ""]
    if not document["complete"]:
        lines += [f"Incomplete: {document['missing_episodes']} episodes are missing.", ""]
    for environment, ranges in document["ranges"].items():
        levels = [*ranges["trained"], *ranges["tested"]]
        trained = f"difficulties {_span(ranges['trained'])} are the range to train on"
        lines += [f"## {environment} (`{ranges['id']}`)", "", f"Success with its 95% interval; {trained}.", ""]
        lines += [_row(["policy", "arm", *map(str, levels), "held at 80%", "past training", "share of ceiling"])]
        lines += [_row(["---", "---", *["--:"] * (len(levels) + 3)])]
        for standing in _of(document["standings"], environment):
            cells = _cells_of(document, standing)
            shown = [_success(cells.get(level)) for level in levels]
            past = (
                "-"
                if standing["past_success"] is None
                else _interval(standing, "past_success", "past_low", "past_high")
            )
            share = "-" if standing["ceiling_share"] is None else f"{standing['ceiling_share']:.2f}"
            lines.append(_row([standing["policy"], standing["arm"], *shown, str(standing["held_80"]), past, share]))
        lines += ["", "Recursive minus the other arm, on the same tasks past the trained range:", ""]
        lines += [_row(["policy", "against", "tasks", "difference"]), _row(["---", "---", "--:", "--:"])]
        for difference in _of(document["differences"], environment):
            if difference["difficulty"] is None:
                against = f"{difference['against_policy']}, {difference['against_arm']}"
                lines.append(_row([difference["policy"], against, str(difference["tasks"]), _signed(difference)]))
        lines.append("")
    lines += ["## Arms", ""]
    lines += [f"- **{arm['name']}**: {arm['meaning']}. Equal: {arm['equal']}." for arm in document["arms_explained"]]
    return "\n".join(lines) + "\n"


def _write_web_page(document: Mapping[str, Any], out: Path) -> None:
    """Write the page: the tables, and behind each number a tree of its cell."""
    trees: list[ExecutionTree] = []
    labels: list[str] = []
    places: dict[Cell, int] = {}
    for row in document["cells"]:
        cell = Cell(**{name: row[name] for name in ("policy", "environment", "arm", "difficulty")})
        file = cell.path(out) / TREES
        if file.is_file() and file.stat().st_size:
            places[cell] = len(trees)
            kept = read_trees(file)
            trees.extend(kept)
            labels.extend([f"{cell.environment}, {cell.policy}, {cell.arm}"] * len(kept))
    if trees:
        write_page(trees, out / PAGE, _title(document), runs=labels, report=_report(document, places, out))


def _report(document: Mapping[str, Any], places: Mapping[Cell, int], out: Path) -> str:
    """Return the HTML of the tables and figures."""
    parts = ["<p>Each number opens a tree that it was measured on. Shaded: the difficulties to train on.</p>"]
    if not document["complete"]:
        parts.append(f"<p>Incomplete: {document['missing_episodes']} episodes are missing.</p>")
    for environment, ranges in document["ranges"].items():
        levels = [*ranges["trained"], *ranges["tested"]]
        heads = "".join(f"<th{' class=trained' if level in ranges['trained'] else ''}>{level}</th>" for level in levels)
        rows = []
        for standing in _of(document["standings"], environment):
            cells = _cells_of(document, standing)
            shown = "".join(f"<td>{_linked(cells.get(level), places)}</td>" for level in levels)
            name = _safe(f"{standing['policy']}, {standing['arm'].replace('_', ' ')}")
            rows.append(f"<tr><td>{name}</td>{shown}<td>{standing['held_80']}</td></tr>")
        image = base64.b64encode((out / f"{environment}.png").read_bytes()).decode()
        parts.append(
            f"<h2>{_safe(environment)}</h2><p>{_safe(ranges['id'])}: success by difficulty, with 95% intervals.</p>"
            f"<div class=wide><table><tr><th>policy, arm</th>{heads}<th>held at 80%</th></tr>{''.join(rows)}</table>"
            f'</div><p><img alt="Success by difficulty in {_safe(environment)}" '
            f'src="data:image/png;base64,{image}"></p>'
        )
    arms = "".join(
        f"<li><b>{_safe(arm['name'])}</b>: {_safe(arm['meaning'])}. Equal: {_safe(arm['equal'])}.</li>"
        for arm in document["arms_explained"]
    )
    return "".join([*parts, f"<h2>Arms</h2><ul>{arms}</ul>"])


def _linked(cell: Mapping[str, Any] | None, places: Mapping[Cell, int]) -> str:
    """Return a cell of the HTML table: its number, linked to a tree, and the interval."""
    if cell is None or cell["success"] is None:
        return "-"
    key = Cell(**{name: cell[name] for name in ("policy", "environment", "arm", "difficulty")})
    number = f"{cell['success']:.2f}"
    linked = f'<a href="#tree-{places[key]}">{number}</a>' if key in places else number
    return f"{linked} <small>{cell['low']:.2f}–{cell['high']:.2f}</small>"


def _of(rows: Sequence[Mapping[str, Any]], environment: str) -> list[Mapping[str, Any]]:
    """Return the rows of one environment."""
    return [row for row in rows if row["environment"] == environment]


def _cells_of(document: Mapping[str, Any], standing: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Return the cells of a standing, by difficulty."""
    where = ("policy", "environment", "arm")
    return {
        cell["difficulty"]: cell for cell in document["cells"] if all(cell[name] == standing[name] for name in where)
    }


def _success(cell: Mapping[str, Any] | None) -> str:
    """Return a cell of the Markdown table."""
    return "-" if cell is None else _interval(cell, "success", "low", "high")


def _interval(row: Mapping[str, Any], mean: str, low: str, high: str) -> str:
    """Return a mean with its interval; a dash where nothing was measured."""
    if row[mean] is None:
        return "-"
    return f"{row[mean]:.2f} ({row[low]:.2f}-{row[high]:.2f})"


def _signed(row: Mapping[str, Any]) -> str:
    """Return a difference with its interval."""
    interval = "" if row["low"] is None else f" ({row['low']:+.2f} to {row['high']:+.2f})"
    return f"{row['difference']:+.2f}{interval}"


def _span(levels: Sequence[int]) -> str:
    """Return difficulties as a range."""
    return f"{levels[0]}-{levels[-1]}" if len(levels) > 1 else str(levels[0])


def _row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table; a name from a file cannot break out of its cell."""
    return "| " + " | ".join(" ".join(printable(cell).replace("|", "\\|").split()) for cell in cells) + " |"


def _title(document: Mapping[str, Any]) -> str:
    """Return the title of the results."""
    policies = ", ".join(policy["name"] for policy in document["policies"])
    return f"Suite {document['suite']}, version {document['suite_version']}: {policies}"


def _safe(text: str) -> str:
    """Return text that cannot become markup."""
    return html.escape(printable(text))
