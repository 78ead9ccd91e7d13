"""Both PettingZoo views, in what they have in common: the official tests, agents that come and go, and rewards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from counting import Counting, call, cell
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.test.api_test import api_test
from pettingzoo.test.parallel_test import parallel_api_test
from pettingzoo.test.seed_test import parallel_seed_test, seed_test

from rao_gym import aec_env, make_setup, parallel_env
from rao_gym.envs.aec import RecursiveAECEnv
from rao_gym.envs.parallel import RecursiveParallelEnv
from rao_gym.envs.spaces import UnicodeText
from rao_gym.errors import UnknownNameError, UsageError
from rao_gym.testing import only_expected_warnings

LAUNCH = "launch_subagent"
MOVES = {
    "tools": [
        call(LAUNCH, goal="Sum the numbers.", start=0, end=1),
        call(LAUNCH, goal="Count.", start=0, end=2) + call(LAUNCH, goal="Sum the numbers.", start=1, end=2),
        call("peek", index=0),
        call("finish", answer=3),
        "nonsense",
    ],
    "python": [
        cell(f"await {LAUNCH}('Sum the numbers.', 0, 1)"),
        cell(f"await asyncio.gather({LAUNCH}('Count.', 0, 2), {LAUNCH}('Sum the numbers.', 1, 2))"),
        cell("print(peek(0))"),
        cell("finish(3)"),
        "nonsense",
    ],
}

both_forms = pytest.mark.parametrize("actions", ["tools", "python"])


class _Moves(UnicodeText):
    """Samples moves that launch, look, finish and err."""

    def __init__(self, moves: list[str]) -> None:
        super().__init__(seed=0)
        self.moves = moves

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return self.moves[self.np_random.integers(len(self.moves))]


class _MovingAECEnv(RecursiveAECEnv):
    """An AEC view whose samples are moves."""

    def __init__(self, id: str, actions: str) -> None:
        super().__init__(id, difficulty=2, max_depth=2, max_turns=6, max_tree_tokens=6_000, actions=actions)
        self.moves = _Moves(MOVES[actions])

    def action_space(self, agent: str) -> UnicodeText:
        return self.moves


class _MovingParallelEnv(RecursiveParallelEnv):
    """A Parallel view whose samples are moves."""

    def __init__(self, id: str, actions: str) -> None:
        super().__init__(id, difficulty=2, max_depth=2, max_turns=6, max_tree_tokens=6_000, actions=actions)
        self.moves = _Moves(MOVES[actions])

    def action_space(self, agent: str) -> UnicodeText:
        return self.moves


@both_forms
@pytest.mark.parametrize("kind", [aec_env, _MovingAECEnv])
def test_the_official_aec_tests_pass(counting_id: str, actions: str, kind: Callable[..., RecursiveAECEnv]) -> None:
    env = kind(counting_id, actions=actions)
    with only_expected_warnings():
        for _ in range(5):  # the moves go on, so each time is another
            api_test(env, num_cycles=50)
        seed_test(lambda: kind(counting_id, actions=actions), num_cycles=50)
    env.close()


@both_forms
@pytest.mark.parametrize("kind", [parallel_env, _MovingParallelEnv])
def test_the_official_parallel_tests_pass(
    counting_id: str, actions: str, kind: Callable[..., RecursiveParallelEnv]
) -> None:
    env = kind(counting_id, actions=actions)
    with only_expected_warnings():
        for _ in range(5):
            parallel_api_test(env, num_cycles=50)
        parallel_seed_test(lambda: kind(counting_id, actions=actions), num_cycles=50)
    env.close()


LAUNCH_TWO = "".join(call(LAUNCH, goal="Sum the numbers.", start=at, end=at + 1) for at in (0, 1))


def answer(env: RecursiveAECEnv | RecursiveParallelEnv, index: int | None = None, *, off_by: int = 0) -> str:
    """Return a call that hands back the sum of the task's numbers, or one of them."""
    numbers = make_setup(Counting.id).family.sample(1, "train", 0, env.tree.task.difficulty).context
    return call("finish", answer=(sum(numbers) if index is None else numbers[index]) + off_by)


def test_agents_act_in_turn_appear_and_leave(counting_id: str) -> None:
    env = aec_env(counting_id, actions="tools", delegation_bonus=0.5)
    env.reset(seed=1)
    seen: list[tuple[str, float, bool, bool]] = []
    actions = iter([LAUNCH_TWO, answer(env, 0), None, answer(env, 1, off_by=1), None, answer(env), None])
    for agent in env.agent_iter():
        _, reward, terminated, truncated, info = env.last()
        assert info["messages"] == env.tree.nodes[["root", "root.0", "root.1"].index(agent)].messages
        seen.append((agent, reward, terminated, truncated))
        env.step(next(actions))
    assert seen == [
        ("root", 0.0, False, False),
        ("root.0", 0.0, False, False),
        ("root.0", 1.0, True, False),
        ("root.1", 0.0, False, False),
        ("root.1", 0.0, True, False),
        ("root", 0.0, False, False),
        ("root", 1.25, True, False),  # 1 + 0.5 · mean(1, 0)
    ]
    assert env.agents == []
    with pytest.raises(UsageError, match="reset"):
        env.step(None)
    env.close()


def test_waiting_agents_are_alive_but_not_selected(counting_id: str) -> None:
    env = aec_env(counting_id, actions="tools")
    env.reset(seed=1)
    env.step(LAUNCH_TWO)
    assert env.agents == ["root", "root.0", "root.1"]
    assert env.agent_selection == "root.0"
    assert [env.infos[agent]["ready"] for agent in env.agents] == [True, True, True]
    assert env.observe("root")["message"] == ""
    env.step("nothing")
    assert env.agent_selection == "root.1"
    env.close()


def test_an_agent_that_ended_takes_only_none(counting_id: str) -> None:
    env = aec_env(counting_id, actions="tools")
    env.reset(seed=1)
    env.step(answer(env))
    assert env.terminations == {"root": True}
    with pytest.raises(ValueError, match="None"):
        env.step("more")
    env.step(None)
    assert env.agents == []
    env.close()


def test_a_limit_truncates_its_agent_and_cancels_those_below(counting_id: str) -> None:
    env = parallel_env(counting_id, actions="tools", max_tree_tokens=1_600, difficulty=2)
    env.reset(seed=1)
    env.step({"root": LAUNCH_TWO})
    _, rewards, terminations, truncations, _ = env.step({"root.0": "x" * 4_000})
    assert rewards == {"root": 0.0, "root.0": 0.0, "root.1": 0.0}
    assert not any(terminations.values())
    assert all(truncations.values())
    assert [str(node.stop_reason) for node in env.tree.nodes] == ["out_of_budget", "cancelled", "cancelled"]
    assert env.agents == []
    env.close()


def test_all_ready_agents_act_in_one_step(counting_id: str) -> None:
    env = parallel_env(counting_id, actions="tools", delegation_bonus=0.5)
    env.reset(seed=1)
    observations, rewards, _, _, infos = env.step({"root": LAUNCH_TWO})
    assert list(observations) == list(rewards) == ["root", "root.0", "root.1"]
    assert {agent: info["ready"] for agent, info in infos.items()} == {"root": False, "root.0": True, "root.1": True}
    ignored = call("finish", answer="an action for an agent that waits")
    _, rewards, terminations, _, infos = env.step({"root": ignored, "root.0": answer(env, 0), "root.1": answer(env, 1)})
    assert rewards == {"root": 0.0, "root.0": 1.0, "root.1": 1.0}
    assert terminations == {"root": False, "root.0": True, "root.1": True}
    assert infos["root"]["ready"]
    assert env.agents == ["root"]
    with pytest.raises(UnknownNameError, match=r"Unknown agent 'root\.0'"):
        env.step({"root.0": "too late"})
    _, rewards, *_ = env.step({"root": answer(env)})
    assert rewards == {"root": 1.5}
    with pytest.raises(UsageError, match="reset"):
        env.step({})
    env.close()


def test_an_agent_without_an_action_loses_no_turn(counting_id: str) -> None:
    env = parallel_env(counting_id, actions="tools")
    env.reset(seed=1)
    before = env.tree.to_json()
    observations, rewards, *_ = env.step({})
    assert env.tree.to_json() == before
    assert list(observations) == list(rewards) == env.agents == ["root"]
    env.close()


def test_a_sub_agent_whose_goal_does_not_fit_its_window_is_refused(counting_id: str) -> None:
    def count_tokens(text: str) -> int:
        return 1_000 if text.startswith("Much to do.") else 1

    env = parallel_env(counting_id, actions="tools", window=100, count_tokens=count_tokens)
    env.reset(seed=1)
    observations, *_ = env.step({"root": LAUNCH_TWO.replace("Sum the numbers.", "Much to do.", 1)})
    assert list(observations) == env.agents == ["root", "root.0"]
    assert [node.goal for node in env.tree.nodes] == ["Sum the numbers.", "Sum the numbers."]
    assert env.tree.root.refusals == 1
    env.close()


@pytest.mark.parametrize("view", [aec_env, parallel_env])
def test_an_agent_that_never_could_act_never_appears(counting_id: str, view: Callable[..., Any]) -> None:
    env = view(counting_id, actions="tools", max_tree_tokens=4, count_tokens=lambda text: 1)
    env.reset(seed=1)
    env.step({"root": LAUNCH_TWO} if view is parallel_env else LAUNCH_TWO)
    assert env.agents == ([] if view is parallel_env else ["root"])
    assert [str(node.stop_reason) for node in env.tree.nodes] == ["out_of_budget", "cancelled", "cancelled"]
    env.close()


@pytest.mark.parametrize("view", [aec_env, parallel_env])
def test_seeds_options_and_rendering(
    counting_id: str, view: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    env = view(counting_id, render_mode="ansi")
    ids = []
    for seed, options in ((7, None), (None, None), (None, {"difficulty": 3, "index": 9}), (None, {"verbose": 1})):
        env.reset(seed=seed, options=options)
        ids.append(env.tree.task.id.partition(":")[2])
    assert ids == ["train:7:0:d1", "train:7:1:d1", "train:7:9:d3", "train:7:3:d1"]
    with pytest.raises(UnknownNameError, match="Did you mean 'split'"):
        env.reset(options={"splits": "test"})
    env.reset()
    assert "Sum the numbers." in env.render()
    assert capsys.readouterr().out == ""
    env.close()
    env.close()


@pytest.mark.parametrize("view", [aec_env, parallel_env])
def test_what_every_view_tells_of_itself(counting_id: str, view: Callable[..., Any]) -> None:
    env = view(counting_id)
    assert str(env) == env.metadata["name"] == counting_id
    assert env.metadata["render_modes"] == ["human", "ansi"]
    assert env.metadata["is_parallelizable"] == (view is parallel_env)
    assert not hasattr(env, "possible_agents")
    assert isinstance(env.unwrapped, AECEnv | ParallelEnv)
    with pytest.raises(UsageError, match="reset"):
        env.step(None)
    with pytest.raises(UnknownNameError, match="Did you mean 'window'"):
        view(counting_id, windw=3)
    env.close()
