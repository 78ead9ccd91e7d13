from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rao_gym.benchmark import Suite, freeze, load_suite
from rao_gym.benchmark.suite import FrozenTaskError, suite_names
from rao_gym.errors import FileFormatError, MissingFileError, UnknownNameError


def test_a_manifest_round_trips_and_its_hash_names_its_contents(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    file.write_text(suite.to_json())
    again = load_suite(file)
    assert again.hash == suite.hash
    assert again.to_json() == suite.to_json()
    assert replace(suite, version=2).hash != suite.hash


@pytest.mark.parametrize("name", suite_names())
def test_the_first_task_of_every_environment_is_what_the_manifest_says(name: str) -> None:
    shipped = load_suite(name)
    for environment in shipped.environments:
        for difficulty in environment.difficulties[:2]:
            shipped.check(environment, shipped.keys(environment, difficulty)[:1])


def test_a_changed_task_is_an_error_that_names_it(suite: Suite) -> None:
    environment = suite.environments[0]
    tasks = {**environment.tasks, 2: ["0" * 64, *environment.tasks[2][1:]]}
    changed = replace(environment, tasks=tasks)
    suite.check(changed, suite.keys(changed, 1))
    with pytest.raises(FrozenTaskError, match=r"rao/Arithmetic-v0.*hashes to"):
        suite.check(changed, suite.keys(changed, 2))


def test_ranges_must_not_overlap(tmp_path: Path) -> None:
    file = tmp_path / "overlap.toml"
    file.write_text(
        'name = "a"\nversion = 1\nseed = 0\nsplit = "test"\ntasks_per_difficulty = 1\n[[environments]]\nname = "x"\n'
        'id = "rao/Arithmetic-v0"\ntrained = [1, 3]\ntested = [2]\n'
    )
    with pytest.raises(FileFormatError, match="must all lie above"):
        freeze(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 3}', "not json", '{"environments": 5}'])
def test_a_damaged_manifest_is_one_clear_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text)
    with pytest.raises(FileFormatError, match="not a manifest") as caught:
        load_suite(file)
    assert "\n" not in str(caught.value)


def test_unknown_suites_are_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'quick'"):
        load_suite("quik")
    with pytest.raises(MissingFileError, match="no manifest"):
        load_suite(tmp_path / "absent.json")


def test_reading_a_manifest_imports_nothing(suite: Suite, tmp_path: Path) -> None:
    document = json.loads(suite.to_json())
    document["environments"][0]["id"] = "a_module_that_does_not_exist:rao/X-v0"
    file = tmp_path / "hostile.json"
    file.write_text(json.dumps(document))
    assert load_suite(file).environments[0].id.startswith("a_module_that_does_not_exist")
