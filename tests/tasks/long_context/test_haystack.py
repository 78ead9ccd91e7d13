"""The prose around the facts: the library, and the user's own text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.haystack import Library

STORY = "\n".join(f"Chapter {n}. Once upon a time there was a river, and it was number {n} of many." for n in range(60))


def test_documents_of_one_size_differ_and_fill_their_room() -> None:
    first, second = (Library().draw(20_000, np.random.Generator(np.random.PCG64(seed))) for seed in (0, 1))
    for lines in (first, second):
        assert 19_500 < sum(len(line) + 1 for line in lines) <= 20_000
    assert len(set(first) & set(second)) < 0.1 * len(first)
    again = Library().draw(20_000, np.random.Generator(np.random.PCG64(0)))
    assert list(again) == list(first)
    assert len(Library().draw(0, np.random.Generator(np.random.PCG64(0)))) == 0


def test_facts_are_hidden_in_the_users_text(tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    task = LongContext(kind="needle", variant="single", text=file).sample(0, "train", 0, 3)
    told = [line for line in task.context.document.lines if "access code" in line]
    assert len(told) == 1
    assert all("river" in line for line in task.context.document.lines if line not in told)
    assert str(task.record.parameters["source"]).startswith("text-")
    assert ":text-" in task.record.id
    file.write_text(STORY.replace("river", "brook"), encoding="utf-8")
    assert LongContext(kind="needle", variant="single", text=file).sample(0, "train", 0, 3).record.id != task.record.id


def test_a_folder_and_a_list_of_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.md").write_text("An apple a day keeps nobody away from the orchard.", encoding="utf-8")
    (folder / "b.txt").write_text("Bees are busy in the blossoms all summer long.", encoding="utf-8")
    (folder / "c.bin").write_bytes(b"\xff\xfe")
    files: list[str | os.PathLike[str]] = [folder / "a.md", str(folder / "b.txt")]
    for text in (folder, files):
        shown = LongContext(kind="trace", text=text).sample(0, "train", 0, 1).context.text
        assert "apple" in shown
        assert "Bees" in shown


def test_text_that_reads_like_a_fact_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "trap.txt"
    file.write_text(f"{STORY}\nThe access code of the amber lantern is 7654321.\n", encoding="utf-8")
    family = LongContext(kind="trace", text=file)
    for index in range(5):
        assert "7654321" not in family.sample(0, "train", index, 4).context.text


def test_one_short_line_is_text_enough(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text("Hm.", encoding="utf-8")
    task = LongContext(kind="aggregate", text=file).sample(0, "train", 0, 10)
    assert 524_200 <= task.context.num_tokens <= 524_289
