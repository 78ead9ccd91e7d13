"""A run folder: results and trees as JSON lines, so that an interrupted run can be resumed.

``settings.json`` identifies the run; a folder holds one policy with one set of options. When an episode ends, its
tree is appended to ``trees.jsonl`` if it is to be kept, then its result to ``results.jsonl``. When the run ends, both
files are sorted and ``summary.json`` is written. A finished folder therefore holds the same bytes, in whatever order
the episodes ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.rollouts import TaskKey
from rao_gym.evaluation.statistics import summarize
from rao_gym.jsonable import JSON, read_json
from rao_gym.tree import ExecutionTree

RESULTS = "results.jsonl"
TREES = "trees.jsonl"
SETTINGS = "settings.json"
SUMMARY = "summary.json"

ResultKey = tuple[str, int, int, int]
"""Identifies an episode in a run folder: id, difficulty, index, attempt."""


class RunFolder:
    """The results of one run, on disk; use it in a `with` statement.

    Args:
        path: The folder; created if it does not exist.
        settings: What identifies the run. A folder made with other settings is refused.

    Attributes:
        path: The folder.
        results: The results so far, without excluded episodes, which are retried.

    Raises:
        InvalidValueError: The folder was made with other settings, or is not a run folder.
        FileFormatError: A line of its results cannot be read.
    """

    def __init__(self, path: Path, settings: dict[str, JSON]) -> None:
        self.path = path
        _claim(path, settings)
        _drop_cut_line(path / RESULTS)
        _drop_cut_line(path / TREES)
        self._all = {_key(result): result for result in _read_results(path / RESULTS)}
        self.results = {key: result for key, result in self._all.items() if not result.error}
        kept = {result.task for result in self.results.values()}
        _rewrite(path / TREES, lambda line: _task_id(line) if _task_id(line) in kept else None)
        self._results_file: BinaryIO = (path / RESULTS).open("ab")
        self._trees_file: BinaryIO = (path / TREES).open("ab")

    def __enter__(self) -> RunFolder:
        """Return the folder."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._results_file.close()
        self._trees_file.close()

    def find(self, id: str, key: TaskKey) -> EpisodeResult | None:
        """Return the stored result of an episode."""
        return self.results.get((id, key.difficulty, key.index, key.attempt))

    def add(self, result: EpisodeResult, tree: ExecutionTree | None) -> None:
        """Append a result, and its tree if given, and flush both."""
        if tree is not None:
            self._trees_file.write(tree.to_json().encode() + b"\n")
            self._trees_file.flush()
        self._results_file.write(result.to_json().encode() + b"\n")
        self._results_file.flush()
        self._all[_key(result)] = result

    def finish(self) -> None:
        """Sort the lines and write the summary of everything in the folder."""
        results = [self._all[key] for key in sorted(self._all)]
        write_whole(self.path / RESULTS, "".join(f"{result.to_json()}\n" for result in results))
        order = {result.task: place for place, result in enumerate(results)}
        _rewrite(self.path / TREES, lambda line: order.get(_task_id(line)))
        write_whole(
            self.path / SUMMARY, json.dumps([asdict(summary) for summary in summarize(results)], indent=2) + "\n"
        )


def clear(path: Path) -> None:
    """Delete the files of a run folder, and nothing else."""
    for name in (RESULTS, TREES, SUMMARY, SETTINGS):
        (path / name).unlink(missing_ok=True)


def read_results(path: str | Path) -> list[EpisodeResult]:
    """Read the results of a run.

    Args:
        path: A run folder or a results file.

    Raises:
        MissingFileError: There is no such file.
        FileFormatError: A line is not a result; the message names the line.
    """
    path = Path(path)
    file = path / RESULTS if path.is_dir() else path
    if not file.is_file():
        raise MissingFileError(f"There are no results in {str(path)!r}.")
    return list(_read_results(file))


def read_trees(path: str | Path) -> list[ExecutionTree]:
    """Read trees.

    Args:
        path: A run folder, a file with one tree per line, or a ``.json`` file with a single tree.

    Raises:
        MissingFileError: There is no such file.
        FileFormatError: A line is not a tree; the message names the line.
    """
    path = Path(path)
    file = path / TREES if path.is_dir() else path
    if not file.is_file():
        raise MissingFileError(f"There are no trees in {str(path)!r}.")
    trees = []
    lines = _lines(file)
    if file.suffix == ".json":  # one tree, possibly indented
        lines = iter([(1, "\n".join(line for _, line in lines))])
    for number, line in lines:
        try:
            trees.append(ExecutionTree.from_json(line))
        except ValueError as error:
            raise FileFormatError(f"{file}, line {number}: not a tree: {error}.") from error
    if not trees:
        raise FileFormatError(f"{file} holds no trees.")
    return trees


def _claim(path: Path, settings: dict[str, JSON]) -> None:
    """Create the folder, or check that it was made with the same settings."""
    if path.exists() and not path.is_dir():
        raise InvalidValueError(f"{str(path)!r} is a file; results go into a folder.")
    path.mkdir(parents=True, exist_ok=True)
    file = path / SETTINGS
    if not file.exists():
        if (path / RESULTS).exists():
            raise InvalidValueError(f"{str(path)!r} holds results without {SETTINGS}. Choose another folder.")
        write_whole(file, json.dumps(settings, indent=2) + "\n")
        return
    try:
        found = read_json(file.read_bytes())
    except ValueError as error:
        raise FileFormatError(f"{file} is not JSON: {error}.") from error
    found = found if isinstance(found, dict) else {}
    for name, value in settings.items():
        if found.get(name) != value:
            raise InvalidValueError(
                f"{str(path)!r} was made with {name}={json.dumps(found.get(name))}, not {json.dumps(value)}. "
                "Choose another folder."
            )


def _read_results(file: Path) -> Iterator[EpisodeResult]:
    """Yield the results in a file; none if there is no such file."""
    for number, line in _lines(file):
        try:
            yield EpisodeResult.from_json(line)
        except (ValueError, TypeError) as error:
            raise FileFormatError(f"{file}, line {number}: not a result: {error}.") from error


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not blank."""
    if not file.exists():
        return
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise FileFormatError(f"{file}, line {number}: not UTF-8.") from error
            if text.strip():
                yield number, text


def _drop_cut_line(file: Path) -> None:
    """Drop a last line that was only partly written."""
    if not file.exists():
        return
    with file.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            stream.seek(start)
            newline = stream.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            stream.truncate(end)


def _rewrite(file: Path, place: Callable[[bytes], Any]) -> None:
    """Sort a file's lines by `place`, dropping lines whose place is None and repeats of a place.

    Trees can be large, so only places and offsets are held in memory.

    Raises:
        FileFormatError: `place` raised `ValueError` for a line; the file is unchanged.
    """
    if not file.exists():
        return
    first_at: dict[Any, int] = {}
    with file.open("rb") as source:
        offset = 0
        for number, line in enumerate(source, 1):
            try:
                where = place(line)
            except ValueError as error:
                raise FileFormatError(f"{file}, line {number}: not a tree: {error}.") from error
            if where is not None:
                first_at.setdefault(where, offset)
            offset += len(line)
        partial = file.with_name(file.name + ".partial")
        with partial.open("wb") as target:
            for where in sorted(first_at):
                source.seek(first_at[where])
                target.write(source.readline())
    partial.replace(file)


def _task_id(line: bytes) -> str:
    """Return the task id of a tree without parsing its nodes: the task comes first in the line.

    Raises:
        ValueError: The line does not start like a tree.
    """
    text = line.decode()
    try:
        record, _ = json.JSONDecoder().raw_decode(text, text.index(":") + 1)
        return str(record["id"])
    except (LookupError, TypeError, RecursionError) as error:
        raise ValueError("it names no task") from error


def write_whole(file: Path, text: str) -> None:
    """Write a file atomically."""
    partial = file.with_name(file.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


def _key(result: EpisodeResult) -> ResultKey:
    return (result.id, result.difficulty, result.index, result.attempt)
