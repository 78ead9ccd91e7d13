"""What a run is made of beside its recipe, by content: names stay the same when what they name changes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from rao_gym.errors import InvalidValueError
from rao_gym.judges import ModelJudge, SignalChain
from rao_gym.registry import Setup
from rao_train.models.loading import folder_content
from rao_train.recipes.settings import Recipe

PACKAGES: Final = ("rao-gym", "torch", "transformers")


def identity_of(recipe: Recipe, setup: Setup, chain: SignalChain) -> dict[str, dict[str, str]]:
    """Return hashes and versions that a run depends on.

    Args:
        recipe: Names a model and an environment.
        setup: That environment.
        chain: Where its signals come from.

    Returns:
        Under ``content`` the hashes of the model's files and of the first task of each difficulty of the curriculum,
        and the version and hash of the judge's rubric, under ``versions`` those of the packages.
    """
    content: dict[str, str] = {}
    if recipe.model.path:
        content["model"] = folder_content(recipe.model.path)
    if isinstance(chain.judge, ModelJudge):
        content["rubric"] = chain.judge.rubric.label
    for difficulty in sorted(recipe.curriculum.difficulties):
        if tasks := _task_hash(recipe, setup, difficulty):
            content[f"tasks of difficulty {difficulty}"] = tasks
    return {"content": content, "versions": {name: version(name) for name in PACKAGES}}


def _task_hash(recipe: Recipe, setup: Setup, difficulty: int) -> str:
    """Return the hash of the first task, or nothing where a user's family has contexts that cannot be hashed."""
    try:
        return setup.family.sample(recipe.seed, setup.settings.split, 0, difficulty).content_hash
    except InvalidValueError:
        return ""
