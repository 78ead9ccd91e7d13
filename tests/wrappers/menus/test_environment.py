from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest
from counting import Counting, call, registered
from gymnasium.utils.env_checker import check_env

from rao_gym import Turn, menu_ids, register_menu
from rao_gym.curriculum import FixedMixture
from rao_gym.errors import InvalidValueError, UnknownNameError, UsageError
from rao_gym.testing import only_expected_warnings
from rao_gym.wrappers import Choices, Curriculum, MenuEnv, RecordTrees, menu_env

MENU_ID = "test/Counting-menu-v0"
ANSWER, LOOK, DELEGATE = range(3)


@dataclass(frozen=True)
class CountingMenu:
    """Look at all numbers, give both halves away, or answer with the sum of what was seen and told."""

    actions = ("answer", "look", "delegate")
    features = ("has_looked", "is_large")

    def choices(self, turn: Turn) -> Choices:
        size = int(re.findall(r"There are (\d+)", turn.messages[1]["content"])[0])
        seen = re.findall(r"<tool_response>\n(?:number )?(\d+)", "".join(m["content"] for m in turn.messages[2:]))
        halves = [(0, size // 2), (size // 2, size)]
        texts: dict[str, Callable[[], str]] = {"answer": lambda: call("finish", answer=sum(map(int, seen)))}
        if not seen:
            texts["look"] = lambda: "".join(call("peek", index=index) for index in range(size))
            if size > 1 and turn.limits.depth:
                launch = [call("launch_subagent", goal="Sum the numbers.", start=a, end=b) for a, b in halves]
                texts["delegate"] = lambda: "".join(launch)
        return Choices([float(bool(seen)), float(size > 2)], texts)


@pytest.fixture
def menu_id() -> Iterator[str]:
    """The id of a menu for the family of the tests, which is registered for the duration of one test."""
    with registered("counting:Counting"):
        register_menu(MENU_ID, "counting:Counting", f"{__name__}:CountingMenu", actions="tools")
        try:
            yield MENU_ID
        finally:
            del gymnasium.registry[MENU_ID]


def make(**options: Any) -> MenuEnv:
    """Make the view without Gymnasium's wrappers."""
    return MenuEnv("counting:Counting", CountingMenu(), **{"actions": "tools"} | options)


def test_an_index_becomes_the_text_of_its_action() -> None:
    env = make(difficulty=1, turn_cost=0.125)
    observation, info = env.reset(seed=0)
    assert env.features[:3] == ("has_looked", "is_large", "depth")
    assert list(observation[:6]) == [0, 0, 0, 1, 1, 1]  # of the depth, the turns and the children, all are left
    assert observation[-1] == 1  # there is no limit on the tree's tokens
    assert 0.9 < observation[-2] < 1  # the opening takes some of the window
    assert list(info["action_mask"]) == list(env.action_masks()) == [1, 1, 1]
    assert info["agent"] == "root"
    observation, reward, terminated, truncated, info = env.step(np.int64(LOOK))
    assert (reward, terminated, truncated) == (-0.125, False, False)
    assert observation[0] == 1.0
    assert list(info["action_mask"]) == [1, 0, 0]
    assert env.tree.root.messages[-2]["content"] == call("peek", index=0) + call("peek", index=1)
    observation, reward, terminated, truncated, info = env.step(np.int64(ANSWER))
    assert (reward, terminated, truncated) == (0.875, True, False)
    assert not observation.any()
    assert not env.action_masks().any()
    assert (info["is_success"], info["turns"], info["agents"]) == (True, 2, 1)
    assert info["tree"] == env.tree
    env.close()


def test_the_whole_tree_is_one_episode() -> None:
    env = make(difficulty=1, turn_cost=0.125)
    env.reset(seed=0)
    agents, rewards = [], []
    for action in (DELEGATE, LOOK, LOOK, ANSWER, ANSWER, ANSWER):
        agents.append(env.turn.agent)
        _, reward, terminated, _, info = env.step(action)
        rewards.append(reward)
    assert agents == ["root", "root.0", "root.1", "root.0", "root.1", "root"]
    assert rewards == [-0.125] * 5 + [0.875]
    assert terminated
    assert info["agents"] == 3
    env.close()


def test_the_return_is_the_roots_reward_less_the_cost_of_the_tree() -> None:
    env = make(difficulty=1, turn_cost=0.125, delegation_bonus=0.5)
    env.reset(seed=0)
    total = sum(float(env.step(action)[1]) for action in (DELEGATE, LOOK, LOOK, ANSWER, ANSWER, ANSWER))
    assert total == pytest.approx(1 + 0.5 - 0.125 * env.tree.turns)
    env.close()


def test_an_impossible_action_wastes_the_turn() -> None:
    env = make(difficulty=1, max_turns=3)
    env.reset(seed=0)
    env.step(LOOK)
    before = env.tree.root.turns
    observation, reward, terminated, *_ = env.step(DELEGATE)
    assert (reward, terminated) == (-env.turn_cost, False)
    assert env.tree.root.turns == before + 1
    assert len(env.tree) == 1
    assert "look" not in env.tree.root.messages[-2]["content"]
    assert observation in env.observation_space
    env.close()


def test_running_out_of_a_limit_is_an_end_and_no_cut() -> None:
    env = make(difficulty=1, max_turns=1)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(LOOK)
    assert (terminated, truncated, info["is_success"]) == (True, False, False)
    assert reward == -env.turn_cost
    env.close()


def test_actions_and_episodes_that_do_not_exist_are_refused() -> None:
    env = make()
    assert not env.action_masks().any()
    with pytest.raises(UsageError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    for wrong in (-1, 3, 0.5, "answer"):
        with pytest.raises(InvalidValueError, match="from 0 to 2"):
            env.step(wrong)  # type: ignore[arg-type]
    env.step(ANSWER)
    with pytest.raises(UsageError, match="over"):
        env.step(ANSWER)
    env.close()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"turn_cost": -1}, InvalidValueError, "turn_cost must be a number of at least 0, got -1"),
        ({"turn_cost": float("nan")}, InvalidValueError, "turn_cost"),
        ({"turn_cost": "0.1"}, InvalidValueError, "turn_cost"),
        ({"render_mode": "rgb"}, UnknownNameError, "Did you mean 'rgb_array'"),
        ({"dificulty": 2}, UnknownNameError, "Did you mean 'difficulty'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make(**options)


@dataclass(frozen=True)
class Broken(CountingMenu):
    """A menu that offers what it is told to."""

    offered: Choices

    def choices(self, turn: Turn) -> Choices:
        return self.offered


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        (Choices([0.0], {"answer": str}), "Broken: expected 2 features, got 1."),
        (Choices([0.0, 1.5], {"answer": str}), "Broken: the feature 'is_large' must be in [0, 1], got 1.5."),
        (Choices([0.0, 0.0], {}), "Broken: at least one action must be possible."),
        (Choices([0.0, 0.0], {"answr": str}), "Unknown action of Broken 'answr'. Did you mean 'answer'?"),
    ],
)
def test_a_menu_that_breaks_its_protocol_is_named(offered: Choices, message: str) -> None:
    env = MenuEnv("counting:Counting", Broken(offered), actions="tools")
    with pytest.raises(ValueError, match=re.escape(message)):
        env.reset(seed=0)
    env.close()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_by_itself(copied: Callable[[MenuEnv], MenuEnv]) -> None:
    env = make(difficulty=1)
    env.reset(seed=0)
    env.step(DELEGATE)
    other = copied(env)
    outcomes = []
    for one in (env, other):
        assert one.action_masks().any()
        outcomes.append([one.step(action)[1] for action in (LOOK, LOOK, ANSWER, ANSWER, ANSWER)])
    assert outcomes[0] == outcomes[1]
    assert env.tree == other.tree
    env.close()
    other.close()


def test_gymnasium_makes_it_and_finds_nothing_to_say(menu_id: str) -> None:
    assert menu_id in menu_ids()
    assert menu_ids("counting:Counting") == [menu_id]
    env = gymnasium.make(menu_id, difficulty=2)
    with only_expected_warnings():
        check_env(env.unwrapped)
    assert menu_env(gymnasium.make(env.spec)).menu.actions == CountingMenu.actions  # type: ignore[arg-type]
    env.close()
    with pytest.raises(UsageError, match="no menu"):
        menu_env(gymnasium.make(Counting.id))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vector_environments(menu_id: str, mode: str) -> None:
    envs = gymnasium.make_vec(menu_id, num_envs=2, vectorization_mode=mode, difficulty=1)
    observations, infos = envs.reset(seed=1)
    assert observations.shape == envs.observation_space.shape
    assert infos["action_mask"].shape == (2, 3)
    envs.step(np.array([LOOK, DELEGATE]))
    _, rewards, terminations, _, infos = envs.step(np.array([ANSWER, LOOK]))
    assert rewards[0] > 0.9
    assert list(terminations) == [True, False]
    assert infos["is_success"][0]
    envs.close()


def test_curricula_and_records_go_around_it(menu_id: str, tmp_path: Any) -> None:
    env = RecordTrees(Curriculum(gymnasium.make(menu_id), FixedMixture({2: 1.0})), tmp_path)
    _, info = env.reset(seed=1)
    assert info["difficulty"] == 2
    env.step(np.int64(ANSWER))
    assert len(env.path.read_text().splitlines()) == 1
    env.close()


def test_it_renders_as_text_and_as_an_image() -> None:
    env = make(render_mode="ansi")
    env.reset(seed=0)
    assert env.render().startswith("root")
    env.close()
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    image = env.render()
    assert (image.shape, image.dtype) == ((540, 960, 3), np.uint8)
    assert image.min() < 64
    assert image.max() == 255
    env.close()
