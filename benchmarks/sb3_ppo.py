"""Train PPO of Stable-Baselines3 to decide when to delegate, and compare it with policies that do not decide.

``python benchmarks/sb3_ppo.py LongContext --seed 0`` trains on the fixed-space view of a family, at several
difficulties at once, and plays unseen tasks of each. ``--algorithm maskable`` takes MaskablePPO of sb3-contrib, which
never chooses what is not possible. Every run adds to ``runs/sb3_ppo``; `benchmarks.sb3_report` shows all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import LinearSchedule

from rao_gym.curriculum import FixedMixture
from rao_gym.registry import family_class
from rao_gym.wrappers import Curriculum, MenuEnv, menu_env

Actor = Callable[[MenuEnv, NDArray[np.float32]], int | str]
"""Acts for the agent that a menu environment shows: the index of an action, or the text itself."""

Scores = dict[str, dict[str, float]]
"""The means of return, success, turns and agents, by difficulty."""

ALGORITHMS = {"ppo": PPO, "maskable": MaskablePPO}
NUM_ENVS = 8
TRAINING: dict[str, Any] = {
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 6,
    "learning_rate": LinearSchedule(1e-3, 1e-4, 1.0),
    "gamma": 1.0,  # a turn costs the same whenever it is taken
    "gae_lambda": 0.98,
    "ent_coef": 0.02,
}
TEST_SEED = 1


@dataclass(frozen=True)
class Benchmark:
    """What is played.

    Attributes:
        id: The menu's id.
        difficulties: What is trained on, in equal shares, and tested.
        num_steps: Steps of training.
        strategies: Fixed strategies by name: actions, of which the first that is possible is taken.
    """

    id: str
    difficulties: tuple[int, ...]
    num_steps: int
    strategies: Mapping[str, tuple[str, ...]]


BENCHMARKS = {
    "LongContext": Benchmark(
        id="rao/LongContext-menu-v0",
        difficulties=(1, 2, 3, 4),
        num_steps=80_000,
        strategies={
            "never delegate": ("read_next", "answer"),
            "always delegate": ("delegate_2", "read_next", "answer"),
        },
    ),
    "TextCraft": Benchmark(
        id="rao/TextCraft-menu-v0",
        difficulties=(1, 2, 3, 4, 5),
        num_steps=80_000,
        strategies={
            "never delegate": ("look_up", "craft", "finish"),
            "always delegate": ("delegate", "look_up", "craft", "finish"),
        },
    ),
}


def strategy(names: Sequence[str]) -> Actor:
    """Return an actor that takes the first of some actions that is possible."""

    def act(env: MenuEnv, _: NDArray[np.float32]) -> int:
        places = [list(env.menu.actions).index(name) for name in names]
        return next(place for place in places if env.action_masks()[place])

    return act


def reference(benchmark: Benchmark) -> Actor:
    """Return the family's reference policy, which writes texts."""
    policy = family_class(benchmark.id.replace("-menu", ""))().reference_policy()
    return lambda env, _: str(policy.act([env.turn])[0])


def learned(model: Any, algorithm: str) -> Actor:
    """Return a trained model as an actor."""

    def act(env: MenuEnv, observation: NDArray[np.float32]) -> int:
        masks = {"action_masks": env.action_masks()} if algorithm == "maskable" else {}
        return int(model.predict(observation, deterministic=True, **masks)[0])

    return act


def train(benchmark: Benchmark, algorithm: str, seed: int, turn_cost: float, num_steps: int) -> Any:
    """Return a model that was trained on all difficulties of a benchmark in equal shares."""
    torch.set_num_threads(1)  # the network is tiny
    envs = make_vec_env(
        benchmark.id,
        n_envs=NUM_ENVS,
        seed=1_000 * seed,
        env_kwargs={"turn_cost": turn_cost},
        wrapper_class=partial(Curriculum, schedule=FixedMixture(dict.fromkeys(benchmark.difficulties, 1.0))),
    )
    model = ALGORITHMS[algorithm]("MlpPolicy", envs, seed=seed, device="cpu", verbose=1, **TRAINING)
    model.learn(total_timesteps=num_steps)
    envs.close()
    return model


def test(benchmark: Benchmark, actor: Actor, turn_cost: float, num_episodes: int) -> Scores:
    """Play unseen tasks of every difficulty; all actors play the same ones."""
    env = menu_env(gymnasium.make(benchmark.id, turn_cost=turn_cost))
    scores = {}
    for difficulty in benchmark.difficulties:
        outcomes = [_play(env, actor, difficulty, index) for index in range(num_episodes)]
        means = np.mean(np.array(outcomes), axis=0)
        names = ("return", "success", "turns", "agents")
        scores[str(difficulty)] = {name: round(float(mean), 4) for name, mean in zip(names, means, strict=True)}
    env.close()
    return scores


def _play(env: MenuEnv, actor: Actor, difficulty: int, index: int) -> tuple[float, float, int, int]:
    """Play one task, and return the episode's return, success, turns and agents."""
    options = {"difficulty": difficulty, "split": "test", "index": index}
    observation, _ = env.reset(seed=TEST_SEED, options=options)
    over = False
    while not over:
        action = actor(env, observation)
        observation, _, over, _, info = env.write(action) if isinstance(action, str) else env.step(action)
    tree = info["tree"]
    return tree.root.signal - env.turn_cost * tree.turns, float(info["is_success"]), tree.turns, len(tree)


def test_fixed(benchmark: Benchmark, setting: Mapping[str, Any], out: Path) -> None:
    """Play with the policies that do not learn, unless that was done before."""
    fixed = {name: strategy(names) for name, names in benchmark.strategies.items()}
    fixed["reference"] = reference(benchmark)
    for name, actor in fixed.items():
        path = out / f"{_file_name(setting, name)}.json"
        if not path.exists():
            scores = test(benchmark, actor, setting["turn_cost"], setting["episodes"])
            path.write_text(json.dumps({**setting, "policy": name, "scores": scores}, indent=1) + "\n")


def _file_name(setting: Mapping[str, Any], *more: object) -> str:
    """Return the name of a run's file, without its ending."""
    return "-".join(map(str, (*setting.values(), *more))).replace(" ", "-")


def main() -> None:
    """Train and test one seed, and test what does not learn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=BENCHMARKS)
    parser.add_argument("--algorithm", choices=[*ALGORITHMS, "none"], default="ppo", help="none: only what is fixed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="steps of training; by default as in the published results")
    parser.add_argument("--turn-cost", type=float, default=0.01)
    parser.add_argument("--episodes", type=int, default=50, help="tasks of each difficulty to test on")
    parser.add_argument("--out", type=Path, default=Path("runs/sb3_ppo"))
    arguments = parser.parse_args()
    benchmark, algorithm, seed = BENCHMARKS[arguments.family], arguments.algorithm, arguments.seed
    num_steps = arguments.steps or benchmark.num_steps
    setting = {"family": arguments.family, "turn_cost": arguments.turn_cost, "episodes": arguments.episodes}
    arguments.out.mkdir(parents=True, exist_ok=True)
    test_fixed(benchmark, setting, arguments.out)
    if algorithm == "none":
        return
    start = time.process_time()
    model = train(benchmark, algorithm, seed, arguments.turn_cost, num_steps)
    seconds = round(time.process_time() - start)
    scores = test(benchmark, learned(model, algorithm), arguments.turn_cost, arguments.episodes)
    result = {**setting, "policy": algorithm, "seed": seed, "steps": num_steps, "cpu_seconds": seconds}
    path = arguments.out / _file_name(setting, algorithm, seed)
    path.with_name(path.name + ".json").write_text(json.dumps({**result, "scores": scores}, indent=1) + "\n")
    model.save(path.with_name(path.name + ".zip"))
    print(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
