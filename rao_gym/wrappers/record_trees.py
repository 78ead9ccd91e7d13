"""A wrapper that saves every finished tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from rao_gym.errors import MissingFileError
from rao_gym.wrappers.base import recursive_env


class RecordTrees(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Writes each finished tree as one JSON line, which `ExecutionTree.from_json` reads.

    Lines are appended to an existing file. Unfinished trees are not written.

    Args:
        env: The environment.
        folder: The file's folder; created if it does not exist.
        name: The file's name, without ``.jsonl``. Environments in different processes need different names.

    Attributes:
        path: The file.

    Raises:
        MissingFileError: The folder cannot be created.
        UsageError: The environment is not one of this package.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], folder: str | Path, *, name: str = "trees") -> None:
        RecordConstructorArgs.__init__(self, folder=folder, name=name)
        gymnasium.Wrapper.__init__(self, env)
        self._env = recursive_env(env, "RecordTrees")
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MissingFileError(f"Cannot create the folder {str(folder)!r}: {error.strerror}.") from error
        self.path = Path(folder) / f"{name}.jsonl"

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and write the tree if the episode ends."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(self._env.tree.to_json() + "\n")
        return observation, reward, terminated, truncated, info
