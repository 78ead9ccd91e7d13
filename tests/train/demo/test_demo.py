"""The demo, with a model and steps so small that it learns nothing: what it writes."""

from __future__ import annotations

import json
from pathlib import Path

from rao_train.demo.comparison import run_demo
from rao_train.demo.report import story_of

SMALL = (
    "model.tiny.layers=1",
    "model.tiny.width=16",
    "model.tiny.heads=2",
    "model.tiny.hidden=16",
    "warm_start.stages=[{name = 'one', steps = 2, demonstrations = 20, difficulties = {1 = 0.5, 2 = 0.5}}]",
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
    for name in ("rao", "single", "single_strong"):
        assert set(results["success"][name]) == {"1", "2"}
        assert {how: set(values) for how, values in results["before"][name].items()} == {
            "greedy": {"1", "2"},
            "sampled": {"1", "2"},
        }
        assert all(0 <= low <= high <= 1 for low, high in results["interval"][name].values())
    assert set(results["launch"]) == {"nested", "single_operation"}
    assert set(results["nodes"]["single"].values()) == set(results["nodes"]["single_strong"].values()) == {1.0}
    assert (results["steps"]["rao"], results["steps"]["single"]) == (2, 2)
    assert {"warm_start", "rao", "single", "single_strong", "total"} <= set(results["seconds"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "srcdoc=" in page
    again = run_demo(tmp_path, seed=3, overrides=SMALL)
    assert again["success"] == results["success"]


def test_the_twin_with_notes_stops_at_the_tokens_that_rao_learned_from(tmp_path: Path) -> None:
    results = run_demo(tmp_path, seed=3, overrides=[*SMALL, "training.steps=6"])
    tokens, steps = results["training_tokens"], results["steps"]
    assert steps["single_strong"] == 6 or tokens["single_strong"] >= tokens["rao"]


def test_the_story_has_five_sentences_that_quote_the_results(tmp_path: Path) -> None:
    results = run_demo(tmp_path, seed=3, overrides=SMALL)
    story = story_of(results)
    assert len(story) == 5
    assert f"{results['training_tokens']['rao']:,}" in story[4]
    assert f"{results['launch']['nested']:.0%}" in story[2]
