"""Plots are files that image readers accept."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

from rao_gym.evaluation import Summary
from rao_gym.plots import plot_cost, plot_success


def summary(difficulty: int, *, counted: bool = True, **values: float) -> Summary:
    named = {"id": "a/B-v0", "policy": "p", "difficulty": difficulty}
    if not counted:
        return Summary(**named, episodes=0, excluded=3)  # type: ignore[arg-type]
    measured = {"success": 0.5, "low": 0.4, "high": 0.6, "turns": 4, "tokens": 900, "nodes": 3, "depth": 1}
    costs = {"critical_path": 2, "speed_up": 2}
    return Summary(**named, episodes=3, excluded=0, **{**measured, **costs, **values})  # type: ignore[arg-type]


SERIES = {
    "first": [summary(1), summary(2, turns=40, tokens=90_000, nodes=300)],
    "second": [summary(1), summary(2, counted=False), summary(5, success=0.0, low=0.0)],
}


@pytest.mark.parametrize("plot", [plot_success, plot_cost])
def test_a_plot_shows_what_it_is_given(tmp_path: Path, plot: object) -> None:
    assert callable(plot)
    plot(SERIES, tmp_path / "new" / "all.png", "a title")
    plot({"first": SERIES["first"]}, tmp_path / "one.png", "a title")
    every, one = imread(tmp_path / "new" / "all.png"), imread(tmp_path / "one.png")
    assert every.shape == one.shape
    assert every.shape[0] > 300
    assert (every != one).any()


def test_a_plot_of_nothing_that_counts_is_empty_not_an_error(tmp_path: Path) -> None:
    plot_success({"none": [summary(1, counted=False)]}, tmp_path / "a.png", "t")
    plot_cost({"none": [summary(1, counted=False)]}, tmp_path / "b.png", "t")
    assert imread(tmp_path / "a.png").size > 0
