"""The cache of verdicts: one small file for each question that was ever put to a judge, named by its content."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from rao_gym.jsonable import write_json
from rao_gym.judges.verdict import Verdict, read_verdict
from rao_gym.tree import ChatMessage


def key_of(model: str, rubric: str, sampling: Mapping[str, Any], messages: Sequence[ChatMessage]) -> str:
    """Return the hash of everything that a verdict depends on.

    Args:
        model: The judge's model.
        rubric: The rubric's label.
        sampling: How the model is sampled.
        messages: The prompt.
    """
    content = write_json([model, rubric, dict(sorted(sampling.items())), list(map(dict, messages))])
    return sha256(content.encode()).hexdigest()


class VerdictCache:
    """Verdicts in a folder, which several processes may share.

    A file is written as a whole or not at all. One that cannot be read counts as absent, and is written again.

    Args:
        folder: The folder; created with the first verdict.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Verdict | None:
        """Return the verdict of a key; None if there is none."""
        try:
            document = json.loads(self._file(key).read_text(encoding="utf-8"))
            return read_verdict(json.dumps({"reason": document["reason"], "score": document["score"]}))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def add(self, key: str, verdict: Verdict, *, model: str, rubric: str) -> None:
        """Keep a verdict, with the model and the rubric that it comes from, for whoever reads the file.

        Raises:
            OSError: The folder cannot be written to.
        """
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"score": verdict.score, "reason": verdict.reason, "model": model, "rubric": rubric}
        descriptor, partial = tempfile.mkstemp(dir=file.parent, suffix=".partial")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(write_json(document) + "\n")
        Path(partial).replace(file)

    def _file(self, key: str) -> Path:
        """Return the file of a key."""
        return self._folder / key[:2] / f"{key[2:]}.json"
