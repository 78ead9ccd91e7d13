from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from counting import call
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from rao_gym import ExecutionTree, Turn
from rao_gym.curriculum import AdaptiveDifficulty, FixedMixture
from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import InvalidValueError, MissingFileError, UsageError
from rao_gym.testing import only_expected_warnings
from rao_gym.wrappers import Curriculum, FixedActions, RecordTrees
from rao_gym.wrappers.fixed_actions import Action


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


def numbers_seen(turn: Turn) -> NDArray[np.float32]:
    """Return what a learner has to know: which numbers the agent has looked at."""
    looked = any(re.search(r"number \d", message["content"]) for message in turn.messages[2:])
    return np.array([looked, turn.depth > 0], dtype=np.float32)


def say_what_was_seen(turn: Turn) -> str:
    """Finish with the sum of the numbers in the transcript."""
    seen = [int(n) for message in turn.messages[2:] for n in re.findall(r"number (\d+)", message["content"])]
    return call("finish", answer=sum(seen))


ACTIONS: dict[str, Action] = {
    "look": call("peek", index=0) + call("peek", index=1),
    "finish": say_what_was_seen,
    "nonsense": "nonsense",
}
FEATURES: dict[str, Any] = {
    "features": numbers_seen,
    "feature_space": spaces.Box(0.0, 1.0, shape=(2,), dtype=np.float32),
}


def test_fixed_actions_have_fixed_spaces(counting_id: str) -> None:
    env = FixedActions(make(counting_id, max_depth=3), ACTIONS, **FEATURES)
    assert env.action_names == ("look", "finish", "nonsense")
    assert env.action_space == spaces.Discrete(3)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    depth, depth_left, turns, children, nodes, window, tree_tokens, looked, is_child = observation
    assert (depth, tree_tokens) == (0.0, -1.0)
    assert depth_left == pytest.approx(np.log2(1 + 3) / 31)
    assert turns == pytest.approx(np.log2(1 + 25) / 31)
    assert (looked, is_child) == (0.0, 0.0)
    assert 0 < children < window < nodes < 1
    observation, reward, *_ = env.step(np.int64(0))
    assert (observation[7], reward) == (1.0, 0.0)
    observation, reward, terminated, truncated, _ = env.step(np.int64(1))
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert observation in env.observation_space
    env.close()


def test_fixed_actions_pass_the_official_check(counting_id: str) -> None:
    env = FixedActions(make(counting_id), {"look": ACTIONS["look"], "nonsense": "nonsense"})
    with only_expected_warnings(), pytest.warns(UserWarning, match="different from the unwrapped version"):
        check_env(env, skip_render_check=True)
    env.close()


def test_fixed_actions_name_what_is_missing(counting_id: str) -> None:
    with pytest.raises(InvalidValueError, match="at least one action"):
        FixedActions(make(counting_id), {})
    with pytest.raises(InvalidValueError, match="must be given together"):
        FixedActions(make(counting_id), ACTIONS, features=numbers_seen)


@pytest.mark.slow
def test_ppo_learns_to_look_before_it_answers(counting_id: str) -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    env = FixedActions(make(counting_id, max_turns=4), ACTIONS, **FEATURES)
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # the network is tiny
    model = sb3.PPO("MlpPolicy", env, seed=0, n_steps=256, learning_rate=1e-3, ent_coef=0.02, device="cpu")

    def success() -> float:
        total = 0.0
        for episode in range(50):
            observation, _ = env.reset(seed=1_000 + episode)
            over = False
            while not over:
                action, _ = model.predict(observation, deterministic=False)
                observation, reward, terminated, truncated, _ = env.step(action)
                total += float(reward)
                over = terminated or truncated
        return total / 50

    before = success()
    model.learn(total_timesteps=2_560)
    assert before < 0.7
    assert success() > 0.9
    env.close()
