"""Rubrics: published, versioned, and the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import rao_gym
from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.judges import read_rubric, rubric_of
from rao_gym.judges.rubric import GENERAL, published_rubrics
from rao_gym.registry import registered_ids

PAGE = Path(rao_gym.__file__).parents[1] / "docs" / "judges.md"

LABELS = {
    "general@1-38361367",
    "rao/Arithmetic-v0@1-6465b133",
    "rao/Code-v0@1-db332b25",
    "rao/DeepSearch-v0@1-1f923326",
    "rao/EmailSearch-v0@1-389a11e9",
    "rao/LongContext-v0@1-edec22aa",
    "rao/TextCraft-v0@1-13daa99c",
    "rao/TextCraftSynth-v0@1-d632355c",
}
"""A text that differs from these has another version as well."""


def test_a_changed_rubric_is_a_new_version() -> None:
    assert {rubric.label for rubric in published_rubrics()} == LABELS


def test_every_family_has_one_and_the_page_publishes_them() -> None:
    names = {rubric.name for rubric in published_rubrics()}
    assert names == {GENERAL, *(id for id in registered_ids() if id.startswith("rao/"))}
    page = PAGE.read_text(encoding="utf-8")
    for rubric in published_rubrics():
        assert rubric.text in page, rubric.name
        assert f"{rubric.name}, version {rubric.version}" in page
        assert not rubric.shows_truth
    assert rubric_of("somebody/Else-v0").name == GENERAL


def test_one_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nversion = 3\nshows_truth = true\ntext = "Be kind."\n')
    rubric = read_rubric(file)
    assert (rubric.name, rubric.version, rubric.text, rubric.shows_truth) == ("mine", 3, "Be kind.", True)
    before = rubric.label
    file.write_text('name = "mine"\nversion = 3\nshows_truth = true\ntext = "Be kinder."\n')
    assert read_rubric(file).label != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 1", "name must be text, got 1"),
        ('name = "a"\nversion = "1"\ntext = "b"', "version must be int, got '1'"),
        ('name = "a"\nversion = 1', "text must be text, got None"),
        ('name = "a"\nversion = 1\ntext = "b"\nshow_truth = true', "a rubric has no 'show_truth'. Valid: name"),
        ("name = ", "is not TOML"),
    ],
)
def test_a_file_that_is_no_rubric_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(FileFormatError, match=r"mine\.toml") as caught:
        read_rubric(file)
    assert message in str(caught.value)
    with pytest.raises(MissingFileError, match=r"no\.toml"):
        read_rubric(tmp_path / "no.toml")
    file.write_text('name = "a"\nversion = 0\ntext = "b"')
    with pytest.raises(InvalidValueError, match="version must be at least 1"):
        read_rubric(file)
