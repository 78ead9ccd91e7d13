"""Check that equal seeds give equal trees, byte for byte, in this process and in another."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium

from rao_gym.evaluation.rollouts import TaskKey, run_rollouts
from rao_gym.plugins import load_object
from rao_gym.registry import setup_of
from rao_gym.testing.cases import settings_by_form, task_keys
from rao_gym.testing.errors import ConformanceError, ensure


def check_determinism(id: str, *, difficulties: Sequence[int] = (1, 2, 3), num_tasks: int = 2, **options: Any) -> None:
    """Check that equal seeds give the reference policy's trees the same bytes.

    Each task is played twice here and once in a new process that hashes strings differently, which reveals any
    dependence on the order of a set.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks.
        num_tasks: Tasks of each difficulty.
        **options: Options of `rao_gym.make_setup`; they must be picklable.

    Raises:
        ConformanceError: Two trees differ.
    """
    keys = task_keys(difficulties, num_tasks)
    forms = list(settings_by_form(id, options))
    path = gymnasium.registry[id].kwargs["family"]
    elsewhere = _digests_elsewhere(path, [chosen for _, chosen in forms], keys)
    for (form, chosen), others in zip(forms, elsewhere, strict=True):
        first, second = _digests(path, chosen, keys), _digests(path, chosen, keys)
        for key, one, again, other in zip(keys, first, second, others, strict=True):
            case = f"{id} ({form}), difficulty {key.difficulty}, index {key.index}"
            ensure(one == again, f"{case}: the same seed gave two different trees.")
            ensure(one == other, f"{case}: the same seed gave another tree in another process.")


def _digests(family: str, options: dict[str, Any], keys: Sequence[TaskKey]) -> list[str]:
    """Return a digest of the reference policy's tree for each task."""
    built = setup_of(load_object(family), **options)
    digests = {
        rollout.key: hashlib.sha256(rollout.tree.to_json().encode() if rollout.tree else b"").hexdigest()
        for rollout in run_rollouts(built.family.reference_policy(), built, keys)
    }
    return [digests[key] for key in keys]


def _digests_elsewhere(
    family: str, options_of_forms: Sequence[dict[str, Any]], keys: Sequence[TaskKey]
) -> list[list[str]]:
    """Return the digests of each action form, computed in another process.

    Raises:
        ConformanceError: The other process failed, or the options cannot be pickled.
    """
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    try:
        request = pickle.dumps((family, list(options_of_forms), list(keys)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConformanceError(f"The options cannot be pickled for another process: {error}.") from error
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import answer; answer()"],
        input=request,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode:
        raise ConformanceError(f"{family} fails in another process: {done.stderr.decode(errors='replace')[-2000:]}")
    digests: list[list[str]] = pickle.loads(done.stdout)
    return digests


def answer() -> None:
    """Answer the request of `check_determinism` on standard input."""
    family, options_of_forms, keys = pickle.loads(sys.stdin.buffer.read())
    digests = [_digests(family, options, keys) for options in options_of_forms]
    sys.stdout.buffer.write(pickle.dumps(digests))
