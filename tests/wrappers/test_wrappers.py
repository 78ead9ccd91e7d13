from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from counting import call

from rao_gym import ExecutionTree
from rao_gym.curriculum import AdaptiveDifficulty, FixedMixture
from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import MissingFileError, UsageError
from rao_gym.wrappers import Curriculum, RecordTrees


def make(id: str, **options: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(id, actions="tools", **options)


def finish_right(env: gymnasium.Env[Any, Any]) -> str:
    """Return the call that solves the present task."""
    assert isinstance(env.unwrapped, RecursiveEnv)
    return call("finish", answer=sum(env.unwrapped.runtime.task.context))


def test_a_curriculum_draws_from_its_mixture(counting_id: str) -> None:
    env = Curriculum(make(counting_id), FixedMixture({1: 1.0, 3: 1.0}))
    drawn = [env.reset(seed=4 if episode == 0 else None)[1]["difficulty"] for episode in range(60)]
    assert set(Counter(drawn)) == {1, 3}
    again = [env.reset(seed=4 if episode == 0 else None)[1]["difficulty"] for episode in range(60)]
    assert drawn == again
    assert env.reset(seed=4, options={"difficulty": 2})[1]["difficulty"] == 2
    env.close()


def test_a_curriculum_adapts_to_outcomes(counting_id: str) -> None:
    schedule = AdaptiveDifficulty(window=3)
    env = Curriculum(make(counting_id), schedule)
    difficulties = []
    for _ in range(7):
        _, info = env.reset(seed=0)
        difficulties.append(info["difficulty"])
        _, reward, terminated, _, info = env.step(finish_right(env))
        assert (reward, terminated, info["difficulty"]) == (1.0, True, difficulties[-1])
    assert difficulties == [1, 1, 1, 2, 2, 2, 3]
    for _ in range(2):
        env.reset()
        env.step(call("finish", answer="wrong"))
    assert schedule.difficulty == 2
    env.reset()
    env.reset()  # an unfinished episode tells nothing
    assert schedule.state() == {"difficulty": 2, "outcomes": []}
    env.close()


def test_a_root_that_nothing_verified_tells_a_curriculum_nothing(
    counting_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = AdaptiveDifficulty(window=3)
    env = Curriculum(make(counting_id), schedule)
    assert isinstance(env.unwrapped, RecursiveEnv)
    env.reset(seed=0)
    monkeypatch.setattr(env.unwrapped.runtime.family, "verify", lambda *_: None)
    _, _, terminated, _, info = env.step(finish_right(env))
    assert terminated
    assert info["tree"].root.signal is None
    assert schedule.state() == {"difficulty": 1, "outcomes": []}
    env.close()


def test_a_curriculum_can_be_given_to_make_vec(counting_id: str) -> None:
    envs = gymnasium.make_vec(
        counting_id,
        num_envs=2,
        vectorization_mode="sync",
        wrappers=[lambda env: Curriculum(env, FixedMixture({2: 1.0}))],
    )
    _, infos = envs.reset(seed=1)
    assert list(infos["difficulty"]) == [2, 2]
    envs.close()


def test_finished_trees_are_recorded(counting_id: str, tmp_path: Path) -> None:
    env = RecordTrees(make(counting_id), tmp_path / "new" / "folder")
    finished = []
    for seed in (1, 2):
        env.reset(seed=seed)
        env.step("ünfinished 🙂")
        env.reset(seed=seed)
        *_, info = env.step(finish_right(env))
        finished.append(info["tree"])
    env.close()
    lines = env.path.read_text(encoding="utf-8").splitlines()
    assert [ExecutionTree.from_json(line) for line in lines] == finished


def test_a_folder_that_cannot_be_made_is_named(counting_id: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MissingFileError, match=re.escape(str(tmp_path / "file"))):
        RecordTrees(make(counting_id), tmp_path / "file")


@pytest.mark.parametrize(
    "wrap", [lambda env: Curriculum(env, FixedMixture({1: 1.0})), lambda env: RecordTrees(env, ".")]
)
def test_other_environments_are_refused(wrap: Any) -> None:
    with pytest.raises(UsageError, match="of this package"):
        wrap(gymnasium.make("CartPole-v1"))
