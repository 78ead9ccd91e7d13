from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from rao_gym.wrappers import MenuEnv, menu_env
from rao_gym.wrappers.menus.long_context import LongContextMenu

ID = "rao/LongContext-menu-v0"


def make(**options: Any) -> MenuEnv:
    return menu_env(gymnasium.make(ID, **options))


def act(env: MenuEnv, name: str) -> tuple[NDArray[np.float32], float, bool]:
    """Take an action by its name."""
    observation, reward, over, _, _ = env.step(env.menu.actions.index(name))
    return observation, reward, over


def possible(env: MenuEnv) -> set[str]:
    return {name for name, is_possible in zip(env.menu.actions, env.action_masks(), strict=True) if is_possible}


def seen(env: MenuEnv, observation: NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(env.features, map(float, observation), strict=True))


@pytest.mark.parametrize("actions", ["tools", "python"])
@pytest.mark.parametrize("kind", ["needle", "trace", "frequency", "aggregate", "pairs"])
def test_reading_what_fits_and_answering_is_right(kind: str, actions: str) -> None:
    env = make(difficulty=1, kind=kind, actions=actions)
    observation, _ = env.reset(seed=2)
    features = seen(env, observation)
    assert (features["fits"], features["is_read"], features["has_found"]) == (1, 0, 0)
    assert features["fills"] < 1
    assert features[f"is_{kind}"] == 1
    observation, *_ = act(env, "read_next")
    assert seen(env, observation)["is_read"] == 1
    assert seen(env, observation)["has_found"] == 1
    assert possible(env) == {"answer"}
    assert act(env, "answer")[1:] == (1 - env.turn_cost, True)
    env.close()


@pytest.mark.parametrize("actions", ["tools", "python"])
def test_splitting_what_does_not_fit_is_right(actions: str) -> None:
    env = make(difficulty=3, kind="needle", actions=actions)
    observation, _ = env.reset(seed=2)
    assert 0.2 < seen(env, observation)["fits"] < 0.6
    act(env, "delegate_4")
    assert len(env.tree.root.children) == 4
    for name in ["read_next"] * 4 + ["answer"] * 4:
        assert not act(env, name)[2]
    assert possible(env) == {"answer"}
    assert act(env, "answer")[1:] == (1 - env.turn_cost, True)
    assert [node.part for node in env.tree.root.children] == [pytest.approx(0.25, abs=0.02)] * 4
    env.close()


def test_what_no_limit_allows_is_not_possible() -> None:
    splits = {name for name in LongContextMenu().actions if name.startswith("delegate")}
    for limits in ({"max_depth": 0}, {"max_nodes": 2}, {"recursive": False}):
        env = make(difficulty=3, **limits)
        env.reset(seed=2)
        assert possible(env) == {"answer", "read_next"}
        env.close()
    env = make(difficulty=3, max_children=3, kind="needle")
    env.reset(seed=2)
    assert possible(env) & splits == {"delegate_2", "delegate_3"}
    env.close()


def test_questions_of_ones_own_leave_only_reading(tmp_path: Any) -> None:
    path = tmp_path / "questions.jsonl"
    lines = [f'{{"context": "Line one.\\nLine two {n}.", "question": "Which?", "answer": "two"}}\n' for n in range(5)]
    path.write_text("".join(lines))
    env = make(questions=str(path))
    env.reset(seed=0)
    assert possible(env) == {"answer", "read_next"}
    act(env, "read_next")
    assert act(env, "answer")[2]
    env.close()
