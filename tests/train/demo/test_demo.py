"""The demo, with a model and steps so small that it learns nothing: what it writes."""

from __future__ import annotations

import json
from pathlib import Path

from rao_train.demo.comparison import run_demo

SMALL = (
    "model.tiny.layers=1",
    "model.tiny.width=16",
    "model.tiny.heads=2",
    "model.tiny.hidden=16",
    "warm_start.stages.0.steps=2",
    "warm_start.stages.0.demonstrations=20",
    "warm_start.stages.1.steps=2",
    "warm_start.stages.2.steps=2",
    "warm_start.stages.1.demonstrations=20",
    "warm_start.stages.2.demonstrations=20",
    "training.steps=2",
    "training.tasks_per_step=2",
    "training.group_size=2",
    "evaluation.every=1",
    "evaluation.tasks=2",
    "evaluation.tasks_on_the_way=1",
    "evaluation.difficulties=[1, 2]",
)


def test_it_writes_results_and_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    results = run_demo(tmp_path, seed=3, overrides=SMALL)
    assert json.loads((tmp_path / "results.json").read_text()) == results
    assert results["seed"] == 3
    assert set(results["success"]) == {"rao", "single"}
    assert all(set(by_difficulty) == {"1", "2"} for by_difficulty in results["success"].values())
    assert all(0 <= low <= high <= 1 for by in results["interval"].values() for low, high in by.values())
    assert set(results["nodes"]["single"].values()) == {1.0}
    assert results["steps"] == {"rao": 2, "single": 2}
    assert {"warm_start", "rao", "single", "total"} <= set(results["seconds"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "srcdoc=" in page
    again = run_demo(tmp_path, seed=3, overrides=SMALL)
    assert again["success"] == results["success"]
