"""What people of Stable-Baselines3 do first, for every id with a menu."""

from __future__ import annotations

import re
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rao_gym import menu_ids
from rao_gym.errors import UnknownNameError
from rao_gym.testing import only_expected_warnings
from rao_gym.wrappers import menu_env

sb3 = pytest.importorskip("stable_baselines3")

IDS = menu_ids()
TEXT_IDS = [id.replace("-menu", "") for id in IDS]
TINY: dict[str, Any] = {"n_steps": 32, "batch_size": 32, "n_epochs": 1, "device": "cpu"}


@pytest.mark.parametrize("id", IDS)
def test_the_official_checks_find_nothing_to_say(id: str) -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check_env

    env = gymnasium.make(id, max_nodes=4)
    with only_expected_warnings():
        check_env(env.unwrapped, skip_render_check=True)
        sb3_check_env(env)
    env.close()


@pytest.mark.parametrize("id", IDS)
def test_what_a_menu_offers_is_never_refused(id: str) -> None:
    env = gymnasium.make(id, difficulty=3, max_nodes=12)
    rng = np.random.default_rng(0)
    for episode in range(8):
        observation, info = env.reset(seed=5 if episode == 0 else None)
        over = False
        while not over:
            assert observation in env.observation_space
            possible = np.flatnonzero(info["action_mask"])
            observation, _, over, _, info = env.step(rng.choice(possible))
        tree = info["tree"]
        assert sum(node.refusals for node in tree.nodes) == 0
        replies = [message["content"] for node in tree.nodes for message in node.messages[3::2]]
        assert not [reply for reply in replies if re.search(r"^Error: |not possible", reply, re.MULTILINE)]
    env.close()


@pytest.mark.parametrize("id", IDS)
def test_ppo_learns_from_the_id_alone(id: str) -> None:
    model = sb3.PPO("MlpPolicy", id, **TINY).learn(total_timesteps=32)
    observation = model.get_env().reset()
    action, _ = model.predict(observation, deterministic=True)
    assert action.shape == (1,)


@pytest.mark.parametrize("id", IDS)
def test_vectorized_environments_of_sb3(id: str) -> None:
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    observations: list[Any] = []
    for vec_env_cls in (DummyVecEnv, SubprocVecEnv):
        # the processes of SubprocVecEnv start afresh: the module's name before the colon lets them find the id
        envs = make_vec_env(f"rao_gym:{id}", n_envs=2, seed=0, env_kwargs={"max_turns": 1}, vec_env_cls=vec_env_cls)
        observations.append(envs.reset())
        assert np.stack(envs.env_method("action_masks")).any(axis=1).all()
        *_, dones, infos = envs.step(np.array([0, 0]))
        assert dones.all()
        assert "is_success" in infos[0]
        assert not infos[0]["TimeLimit.truncated"]  # so that nothing is bootstrapped
        envs.close()
    assert np.array_equal(*observations)


@pytest.mark.parametrize(("text_id", "id"), list(zip(TEXT_IDS, IDS, strict=True)))
def test_a_text_environment_names_its_menu(text_id: str, id: str) -> None:
    from stable_baselines3.common.env_util import make_vec_env

    for hand_over in (lambda: sb3.PPO("MlpPolicy", text_id), lambda: make_vec_env(text_id)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Gymnasium warns of the render mode first
            with pytest.raises(UnknownNameError, match=f"use '{id}'"):
                hand_over()


def test_maskable_ppo_finds_the_masks() -> None:
    contrib = pytest.importorskip("sb3_contrib")
    model = contrib.MaskablePPO("MlpPolicy", IDS[0], **TINY).learn(total_timesteps=32)
    env = gymnasium.make(IDS[0], max_turns=2)
    observation, _ = env.reset(seed=0)
    action, _ = model.predict(observation, action_masks=menu_env(env).action_masks())
    assert menu_env(env).action_masks()[int(action)]
    env.close()
