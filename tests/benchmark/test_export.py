from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResultEntry
from small_benchmark import small_benchmark

from rao_gym.benchmark import Suite, run_benchmark, summarize_folder
from rao_gym.benchmark.export.eval_results import export_eval_results
from rao_gym.benchmark.export.hub_dataset import export_dataset
from rao_gym.cli import main
from rao_gym.errors import InvalidValueError, MissingFileError


def test_a_dataset_folder_holds_every_tree_and_episode(finished_run: Path, tmp_path: Path) -> None:
    export_dataset(finished_run, tmp_path / "out")
    trees = [json.loads(line) for line in (tmp_path / "out" / "trees.jsonl").read_text().splitlines()]
    episodes = [json.loads(line) for line in (tmp_path / "out" / "episodes.jsonl").read_text().splitlines()]
    assert len(trees) == 16
    assert len({tuple(sorted(row)) for row in trees}) == len({tuple(sorted(row)) for row in episodes}) == 1
    deepest = max(trees, key=lambda row: len(row["nodes"]))
    assert [node["name"] for node in deepest["nodes"]][:2] == ["root", "root.0"]
    assert all(isinstance(node["answer"], str) for row in trees for node in row["nodes"])
    assert {row["arm"] for row in episodes} == {"recursive", "single", "best_of_n", "ceiling"}


def test_the_real_library_reads_the_dataset(finished_run: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the dataset is read back by the `datasets` package")
    export_dataset(finished_run, tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), "trees", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 16
    assert loaded[0]["nodes"][0]["name"] == "root"


def test_the_card_names_the_files(finished_run: Path, tmp_path: Path) -> None:
    export_dataset(finished_run, tmp_path)
    header = (tmp_path / "README.md").read_text().split("---")[1]
    configs = yaml.safe_load(header)["configs"]
    assert all((tmp_path / config["data_files"]).is_file() for config in configs)


def test_eval_results_are_what_the_hub_reads(finished_run: Path, tmp_path: Path) -> None:
    (file,) = export_eval_results(finished_run, tmp_path, dataset="someone/bench")
    (entry,) = yaml.safe_load(file.read_text())
    assert file.parent.name == ".eval_results"
    assert entry["dataset"] == {"id": "someone/bench", "task_id": "arithmetic"}
    standing = next(row for row in summarize_folder(finished_run)["standings"] if row["arm"] == "recursive")
    assert entry["value"] == pytest.approx(standing["past_success"], abs=1e-4)
    EvalResultEntry(dataset_id=entry["dataset"]["id"], task_id=entry["dataset"]["task_id"], value=entry["value"])


def test_several_policies_need_a_name(suite: Suite, tmp_path: Path) -> None:
    run_benchmark(small_benchmark(suite, "reference", "random"), tmp_path / "run")
    with pytest.raises(InvalidValueError, match="reference, random"):
        export_eval_results(tmp_path / "run", tmp_path / "out", dataset="a/b")
    assert export_eval_results(tmp_path / "run", tmp_path / "out", dataset="a/b", policy="random")


def test_exporting_nothing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MissingFileError):
        export_dataset(tmp_path, tmp_path / "out")
    assert main(["bench", "export", str(tmp_path), "--to", "hub-datset", "--out", str(tmp_path / "out")]) == 2
    assert "Did you mean 'hub-dataset'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
