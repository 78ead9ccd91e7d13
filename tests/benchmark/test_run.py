from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_benchmark import small_benchmark

from rao_gym.benchmark import Shard, Suite, run_benchmark, summarize_folder, write_report
from rao_gym.benchmark.folder import Cell, cell_results
from rao_gym.benchmark.merge import merge
from rao_gym.benchmark.run import num_tasks
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.store import RESULTS


def without_times(document: dict[str, object]) -> str:
    """Return results as text, without the only figure that no two runs share."""
    cells = document["cells"]
    assert isinstance(cells, list)
    return json.dumps({**document, "cells": [{**cell, "seconds": None} for cell in cells]}, sort_keys=True)


def test_shards_merge_into_what_one_machine_plays(suite: Suite, finished_run: Path, tmp_path: Path) -> None:
    benchmark = small_benchmark(suite)
    shards = [tmp_path / str(number) for number in (1, 2)]
    for number, folder in enumerate(shards, 1):
        run_benchmark(benchmark, folder, shard=Shard(number=number, of=2))
        assert summarize_folder(folder)["complete"] is False
    merge(shards, tmp_path / "merged")
    merge(shards[:1], tmp_path / "merged")  # once more changes nothing
    assert without_times(summarize_folder(tmp_path / "merged")) == without_times(summarize_folder(finished_run))


def test_processes_play_what_one_process_plays(suite: Suite, finished_run: Path, tmp_path: Path) -> None:
    played: list[Cell] = []
    benchmark = small_benchmark(suite)
    run_benchmark(benchmark, tmp_path / "run", processes=2, on_task=played.append)
    assert len(played) == num_tasks(benchmark)
    assert without_times(summarize_folder(tmp_path / "run")) == without_times(summarize_folder(finished_run))


def test_an_interrupted_run_goes_on(suite: Suite, finished_run: Path, tmp_path: Path) -> None:
    benchmark, out = small_benchmark(suite), tmp_path / "run"

    def interrupt(cell: Cell) -> None:
        if cell.arm == "single" and cell.difficulty == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_benchmark(benchmark, out, on_task=interrupt)
    before = {file: file.read_bytes() for file in out.rglob(RESULTS)}
    assert before
    run_benchmark(benchmark, out)
    assert without_times(summarize_folder(out)) == without_times(summarize_folder(finished_run))
    for file, lines in before.items():
        assert set(lines.splitlines()) <= set(file.read_bytes().splitlines())


def test_a_folder_takes_no_other_run(suite: Suite, finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="policies"):
        run_benchmark(small_benchmark(suite, "random"), finished_run)
    (tmp_path / "mine.txt").write_text("notes")
    with pytest.raises(InvalidValueError, match="not empty"):
        run_benchmark(small_benchmark(suite), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "notes"


def test_best_of_n_stays_within_the_recursive_arms_tokens(suite: Suite, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_benchmark(small_benchmark(suite), out)
    document = summarize_folder(out)
    assert document["budgets"]
    assert all(budget["held"] for budget in document["budgets"])
    attempts = {cell["difficulty"]: cell["attempts"] for cell in document["cells"] if cell["arm"] == "best_of_n"}
    assert attempts[1] == 1  # solved at once
    assert attempts[5] > 1  # the tree costs more than several single attempts, all of which fail
    cell = Cell(policy="reference", environment="arithmetic", arm="best_of_n", difficulty=5)
    numbers = [result.attempt for result in cell_results(out, cell) if result.index == 0]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "a/b", "1/", "-1/2", "1/2/3"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="3/16"):
        Shard.parse(text)


def test_shards_cover_every_task_once(suite: Suite) -> None:
    keys = suite.keys(suite.environments[0], 1)
    taken = [key for number in (1, 2) for key in Shard(number=number, of=2).take(keys)]
    assert sorted(key.index for key in taken) == [key.index for key in keys]


def test_the_report_has_every_form(finished_run: Path) -> None:
    names = {path.name for path in finished_run.iterdir()}
    assert {"results.json", "results.csv", "results.md", "arithmetic.png", "index.html"} <= names
    page = (finished_run / "index.html").read_text()
    assert '<a href="#tree-0">' in page
    assert page.count('class="tree"') == 16  # one for each cell
    assert "| reference | recursive |" in (finished_run / "results.md").read_text()


def test_the_report_of_two_policies_compares_them(suite: Suite, tmp_path: Path) -> None:
    run_benchmark(small_benchmark(suite, "reference", "random"), tmp_path / "run")
    document = write_report(tmp_path / "run")
    against = {(row["policy"], row["against_policy"]) for row in document["differences"]}
    assert ("random", "reference") in against
    (past,) = [
        row
        for row in document["differences"]
        if (row["policy"], row["against_policy"], row["difficulty"]) == ("random", "reference", None)
    ]
    assert past["tasks"] == 6
    assert past["difference"] == -1.0
