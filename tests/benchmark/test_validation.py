from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rao_gym.benchmark import validate
from rao_gym.benchmark.suite import FrozenTaskError
from rao_gym.benchmark.validation import ValidationError
from rao_gym.errors import FileFormatError, MissingFileError


@pytest.fixture
def copy(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_an_honest_result_is_valid(finished_run: Path) -> None:
    assert validate(finished_run / "results.json")["suite"] == "small"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda it: it["cells"][3].update(success=0.123), r"cells\[3\].success"),
        (lambda it: it["standings"][0].update(held_80=99), r"standings\[0\].held_80"),
        (lambda it: it["differences"].pop(), "differences.length"),
        (lambda it: it["cells"][0]["stop_reasons"].update(finished=77), r"cells\[0\].stop_reasons.finished"),
    ],
)
def test_a_changed_figure_is_found(copy: Path, change: Callable[[dict[str, Any]], object], place: str) -> None:
    edit(copy / "results.json", change)
    with pytest.raises(ValidationError, match=f"differs from its episodes at .*{place}"):
        validate(copy / "results.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.pop("suite"),
        lambda it: it.update(more=1),
        lambda it: it["cells"][0].update(success=2),
        lambda it: it.update(schema_version=2),
    ],
)
def test_what_breaks_the_schema_is_named(copy: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit(copy / "results.json", change)
    with pytest.raises(ValidationError, match="does not follow the schema at"):
        validate(copy / "results.json")


def test_an_episode_of_another_task_is_refused(copy: Path) -> None:
    (file,) = (copy / "episodes" / "reference" / "arithmetic" / "single" / "002").glob("results.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[0]["content"] = "f" * 64
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(FrozenTaskError, match="not of a task of suite small"):
        validate(copy / "results.json")


def test_a_manifest_edited_by_hand_is_refused(copy: Path) -> None:
    edit(copy / "suite.json", lambda it: it["environments"][0]["tasks"]["1"].pop())
    with pytest.raises(FileFormatError, match="its hash differs"):
        validate(copy / "results.json")


@pytest.mark.parametrize("text", ["", "[", "[]", "NaN", '{"a": 1e999}', "[" * 100_000])
def test_hostile_files_are_one_clear_line(copy: Path, text: str) -> None:
    (copy / "results.json").write_text(text)
    with pytest.raises(FileFormatError) as caught:
        validate(copy / "results.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_results_without_their_run_are_refused(finished_run: Path, tmp_path: Path) -> None:
    shutil.copy(finished_run / "results.json", tmp_path)
    with pytest.raises(MissingFileError, match="not the folder of a benchmark run"):
        validate(tmp_path / "results.json")
    with pytest.raises(MissingFileError):
        validate(tmp_path / "absent.json")
