from __future__ import annotations

import pickle
from contextlib import suppress
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from counting import Counting, call, cell, registered
from gymnasium.utils.env_checker import check_env
from gymnasium.vector.utils import CloudpickleWrapper

from rao_gym import ExecutionTree, aec_env, make_setup, parallel_env, registered_ids
from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import InvalidValueError, MissingExtraError, UnknownNameError, UsageError

Outcome = tuple[float, bool, bool, dict[str, Any]]


def make(id: str, **options: Any) -> RecursiveEnv:
    """Make an environment without Gymnasium's wrappers."""
    env = gymnasium.make(id, **options).unwrapped
    assert isinstance(env, RecursiveEnv)
    return env


def play(env: RecursiveEnv, family: Counting, *, recursive: bool = True) -> Outcome:
    """Play the present episode to its end with a reference policy."""
    policy = family.reference_policy() if recursive else family.single_policy()
    while True:
        [action] = policy.act([env.turn])
        _, reward, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            return reward, terminated, truncated, info
        assert reward == 0.0


@pytest.mark.parametrize("actions", ["tools", "python"])
def test_gymnasium_finds_nothing_to_say(
    counting_id: str, actions: str, recwarn: pytest.WarningsRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    env = make(counting_id, actions=actions)
    check_env(env)
    env.close()
    assert [str(warning.message) for warning in recwarn] == []
    assert "root" in capsys.readouterr().out  # the human render mode printed the tree


@pytest.mark.parametrize("actions", ["tools", "python"])
def test_the_reference_policy_is_rewarded_at_the_end(counting_id: str, actions: str) -> None:
    env = make(counting_id, actions=actions, difficulty=3, delegation_bonus=0.4)
    env.reset(seed=5)
    reward, terminated, truncated, info = play(env, Counting())
    assert reward == pytest.approx(1.4)
    assert (terminated, truncated) == (True, False)
    assert info["agent"] == "root"
    assert [node.name for node in info["tree"].nodes] == [
        "root",
        "root.0",
        "root.1",
        "root.0.0",
        "root.0.1",
        "root.1.0",
        "root.1.1",
    ]
    env.close()


def test_each_step_shows_the_agent_that_acts_next(counting_id: str) -> None:
    env = make(counting_id, actions="tools", difficulty=2)
    observation, info = env.reset(seed=0)
    assert info["agent"] == "root"
    assert observation["message"].startswith("You sum numbers.")
    assert observation["message"].endswith("tokens.")
    assert info["messages"] == env.tree.root.messages
    launch = call("launch_subagent", goal="Sum the numbers.", start=0, end=1)
    observation, *_, info = env.step(launch + launch.replace('"end": 1', '"end": 2'))
    assert info["agent"] == "root.0"
    assert "There are 1." in observation["message"]
    assert (int(observation["depth"]), int(observation["limits"]["depth"])) == (1, 5)
    assert int(observation["limits"]["tree_tokens"]) == -1
    observation, *_, info = env.step(call("peek", index=0))
    assert info["agent"] == "root.1"
    observation, *_, info = env.step(call("finish", answer=0))
    assert info["agent"] == "root.0"
    assert observation["message"] == f"<tool_response>\nnumber {_numbers(env)[0]}\n</tool_response>"
    assert int(observation["limits"]["turns"]) == 24
    env.close()


def _numbers(env: RecursiveEnv) -> tuple[int, ...]:
    return tuple(env.runtime.task.context)


def test_messages_that_were_handed_out_stay_as_they_were(counting_id: str) -> None:
    env = make(counting_id, actions="tools")
    _, info = env.reset(seed=0)
    before = list(info["messages"])
    env.step("nothing")
    assert info["messages"] == before
    env.close()


def test_a_limit_truncates_and_a_dead_worker_terminates(counting_id: str) -> None:
    env = make(counting_id, actions="tools", max_turns=1)
    env.reset(seed=0)
    observation, reward, terminated, truncated, _ = env.step("nothing")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert observation in env.observation_space
    assert all(int(left) == 0 for left in observation["limits"].values())
    with pytest.raises(UsageError, match="reset"):
        env.step("more")
    env.close()


def test_seeds_and_indices_name_the_tasks(counting_id: str) -> None:
    env = make(counting_id, difficulty=2)
    ids = []
    for seed in (7, None, None, 8, None, 7):
        env.reset(seed=seed)
        ids.append(env.tree.task.id.partition(":")[2])
    assert ids == [f"train:{at}:d2" for at in ("7:0", "7:1", "7:2", "8:0", "8:1", "7:0")]
    env.close()


def test_options_hold_for_one_episode(counting_id: str) -> None:
    env = make(counting_id)
    env.reset(seed=1)
    env.reset(options={"difficulty": np.int64(3), "index": np.int64(9), "split": "test"})
    record = env.tree.task
    assert (record.difficulty, record.index, record.split, record.seed) == (3, 9, "test", 1)
    env.reset()
    record = env.tree.task
    assert (record.difficulty, record.index, record.split, record.seed) == (1, 2, "train", 1)
    with pytest.raises(UnknownNameError, match="Did you mean 'difficulty'"):
        env.reset(options={"dificulty": 3})
    with pytest.raises(InvalidValueError, match="difficulty"):
        env.reset(options={"difficulty": 0})
    with pytest.raises(UsageError, match="reset"):
        env.step("a step after a reset that failed")
    env.close()


def test_without_a_seed_one_is_drawn(counting_id: str) -> None:
    one, other = make(counting_id), make(counting_id)
    one.reset()
    other.reset()
    assert one.tree.task.seed != other.tree.task.seed
    one.close()
    other.close()


def test_an_unfinished_tree_stays_as_it_was(counting_id: str) -> None:
    env = make(counting_id, actions="python", difficulty=2)
    _, info = env.reset(seed=0)
    env.step(cell("x = 1\nawait launch_subagent('Sum the numbers.', 0, 1)"))
    before = info["tree"].to_json()
    env.reset()
    assert info["tree"].to_json() == before
    assert env.tree is not info["tree"]
    env.close()


def test_the_single_agent_cannot_launch(counting_id: str) -> None:
    env = make(counting_id, actions="tools", difficulty=3, recursive=False)
    env.reset(seed=5)
    assert "launch_subagent" not in env.tree.root.messages[0]["content"]
    reward, terminated, _, info = play(env, Counting(), recursive=False)
    assert (reward, terminated, len(info["tree"])) == (1.0, True, 1)
    env.close()


def test_no_step_comes_before_the_first_reset(counting_id: str) -> None:
    env = make(counting_id)
    with pytest.raises(UsageError, match="reset"):
        env.step("hello")
    with pytest.raises(UsageError, match="reset"):
        _ = env.turn
    env.close()
    env.close()


def test_rendering(counting_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    env = make(counting_id, render_mode="ansi")
    env.reset(seed=0)
    assert "Sum the numbers." in str(env.render())
    assert capsys.readouterr().out == ""
    env.close()
    env = make(counting_id, render_mode="human", actions="tools")
    env.reset(seed=0)
    assert "Sum the numbers." in capsys.readouterr().out
    env.step(call("finish", answer=0))
    assert "finished" in capsys.readouterr().out
    env.close()


def test_unknown_names_are_answered_with_the_nearest(counting_id: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'max_depth'"):
        gymnasium.make(counting_id, max_dept=2)
    with pytest.raises(UnknownNameError, match="Did you mean 'human'"):
        RecursiveEnv("counting:Counting", render_mode="humane")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vector_environments_play(counting_id: str, mode: str) -> None:
    envs = gymnasium.make_vec(counting_id, num_envs=2, vectorization_mode=mode, actions="tools", difficulty=1)
    try:
        observations, infos = envs.reset(seed=3)
        assert observations in envs.observation_space
        assert list(infos["agent"]) == ["root", "root"]
        expected = [make_setup(counting_id).family.sample(seed, "train", 0, 1).context for seed in (3, 4)]
        peeks = call("peek", index=0) + call("peek", index=1)
        observations, *_ = envs.step((peeks, "nothing"))
        assert str(expected[0][0]) in observations["message"][0]
        assert observations["message"][1].startswith("Error: no action found.")
        answers = tuple(call("finish", answer=sum(numbers)) for numbers in expected)
        _, rewards, terminations, _, infos = envs.step(answers)
        assert list(rewards) == [1.0, 1.0]
        assert all(terminations)
        assert all(isinstance(tree, ExecutionTree) and tree.root.ended for tree in infos["tree"])
    finally:
        envs.close()


def test_constructors_travel_between_processes(counting_id: str) -> None:
    constructor = partial(gymnasium.make, counting_id, difficulty=2)
    wrapped = CloudpickleWrapper(lambda: constructor())
    for twin in (pickle.loads(pickle.dumps(constructor)), pickle.loads(pickle.dumps(wrapped))):
        env = twin()
        env.reset(seed=0)
        assert env.unwrapped.tree.task.difficulty == 2
        env.close()


def test_a_family_can_be_registered_under_any_id() -> None:
    with registered(id="somewhere/Else-v3") as id:
        env = make(id)
        env.reset(seed=0)
        assert env.tree.task.family == "test/Counting-v0"
        env.close()


@pytest.mark.parametrize("seed", ["7", 7.0, True, -1])
def test_seeds_that_are_no_integers_are_refused_by_every_view(counting_id: str, seed: Any) -> None:
    views: tuple[Any, ...] = (gymnasium.make(counting_id), aec_env(counting_id), parallel_env(counting_id))
    for env in views:
        with pytest.raises(InvalidValueError, match="seed must be"):
            env.reset(seed=seed)
        env.close()


@pytest.mark.parametrize("options", [{"actions": {}}, {"actions": 3}, {"max_turns": "4"}, {"difficulty": 1.5}])
def test_options_of_a_wrong_type_are_named(counting_id: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=f"{next(iter(options))} must "):
        gymnasium.make(counting_id, **options)


def test_integers_of_numpy_are_taken_everywhere(counting_id: str) -> None:
    env = make(counting_id, max_turns=np.int64(4), difficulty=np.uint8(2), delegation_bonus=np.float32(0.5))
    env.reset(seed=int(np.int64(3)), options={"difficulty": np.int16(3), "index": np.int64(2)})
    assert env.tree.task.id.endswith("3:2:d3")
    env.close()


def test_every_id_describes_itself() -> None:
    described: dict[str, str] = {}
    for id in registered_ids():
        with suppress(MissingExtraError):  # the tasks of some are not installed everywhere
            described |= {id: make(id).__doc__ or ""} if id.startswith("rao/") else {}
    assert len(set(described.values())) == len(described)
    assert "modulus: A prime" in described["rao/Arithmetic-v0"]
    for text in described.values():
        for heading in ("Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Arguments"):
            assert f"## {heading}" in text
