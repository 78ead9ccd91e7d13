"""The same work through this suite and through what a user would pick instead, as pairs of functions to time.

A peer is imported when its row is opened, so that a machine without it still measures the other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import gymnasium
from counting import registered

from rao_gym import aec_env, make_setup
from rao_gym.actions import write_call, write_cell

Pair = tuple[Callable[[], object], Callable[[], object]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        work: What is done.
        peer: What does it elsewhere.
        package: The peer's package on the index.
        why: What ours does beside, where it costs more.
        open: A context manager that yields our function and the peer's.
        rounds: How often each is called.
    """

    work: str
    peer: str
    package: str
    why: str
    open: Callable[[], AbstractContextManager[Pair]]
    rounds: int = 400


@contextmanager
def further_cell() -> Iterator[Pair]:
    """One more cell in a session that is there, through a Gymnasium step."""
    from rlm.environments.local_repl import LocalREPL

    with registered() as id:
        env = gymnasium.make(id, actions="python", max_turns=None, window=None, max_tree_tokens=None)
        repl = LocalREPL()
        env.reset(seed=0)
        yield lambda: env.step(write_cell("x = 1")), lambda: repl.execute_code("x = 1")
        repl.cleanup()
        env.close()


@contextmanager
def first_cell() -> Iterator[Pair]:
    """A new session and its first cell, which ends the episode."""
    from rlm.environments.local_repl import LocalREPL

    def theirs() -> None:
        repl = LocalREPL()
        repl.execute_code("x = 1")
        repl.cleanup()

    with registered() as id:
        env = gymnasium.make(id, actions="python")
        env.reset(seed=0)

        def ours() -> None:
            env.reset()
            env.step(write_cell("finish(1)"))

        yield ours, theirs
        env.close()


@contextmanager
def one_answer() -> Iterator[Callable[[], None]]:
    """Yield a function that begins an episode of ours and answers at once."""
    env, answer = gymnasium.make("rao/Arithmetic-v0"), write_call("finish", answer="42")
    env.reset(seed=0)

    def ours() -> None:
        env.reset()
        env.step(answer)

    yield ours
    env.close()


@contextmanager
def whole_episode() -> Iterator[Pair]:
    """Draw a task, show it, and judge one answer."""
    import reasoning_gym

    places = count()
    dataset = reasoning_gym.create_dataset("basic_arithmetic", size=10**9, seed=0, min_terms=2, max_terms=2)

    def theirs() -> None:
        entry = dataset[next(places)]
        dataset.score_answer("42", entry)

    with one_answer() as ours:
        yield ours, theirs


@contextmanager
def game_episode() -> Iterator[Pair]:
    """Begin an episode and take one step."""
    import gem

    game = gem.make("game:GuessTheNumber-v0-easy")

    def theirs() -> None:
        game.reset()
        game.step("\\boxed{3}")

    with one_answer() as ours:
        yield ours, theirs


@contextmanager
def text_step() -> Iterator[Pair]:
    """One step of an episode that goes on: a tool call that is answered with a line."""
    import textarena

    with registered() as id:
        env = gymnasium.make(id, actions="tools", max_turns=None, window=None, max_tree_tokens=None)
        game = textarena.make("GuessTheNumber-v0-raw")
        env.reset(seed=0)
        game.reset(num_players=1, seed=0)

        def theirs() -> None:
            game.get_observation()
            done, _ = game.step("[21]")  # out of range, so the game goes on
            if done:
                game.reset(num_players=1, seed=0)

        yield lambda: env.step(write_call("peek", index=0)), theirs
        env.close()


@contextmanager
def aec_step() -> Iterator[Pair]:
    """One step of an AEC environment."""
    from pettingzoo.classic import tictactoe_v3

    board: Any = tictactoe_v3.raw_env()
    board.reset(seed=0)

    def theirs() -> None:
        if not board.agents:
            board.reset()
        observation, _, terminated, truncated, _ = board.last()
        board.step(None if terminated or truncated else int(observation["action_mask"].argmax()))

    with registered() as id:
        env = aec_env(id, actions="tools", max_turns=None, window=None, max_tree_tokens=None)
        env.reset(seed=0)

        def ours() -> None:
            env.last()
            env.step(write_call("peek", index=0))

        yield ours, theirs
        env.close()


@contextmanager
def drawing() -> Iterator[Pair]:
    """Draw a task of two operands."""
    import reasoning_gym

    places, indices = count(), count()
    dataset = reasoning_gym.create_dataset("basic_arithmetic", size=10**9, seed=0, min_terms=2, max_terms=2)
    family = make_setup("rao/Arithmetic-v0").family
    yield lambda: family.sample(0, "train", next(indices), 1), lambda: dataset[next(places)]


ISOLATION = "each cell runs in a sandboxed process with limits on time, memory and output; the peer calls exec()"
EPISODE = "an agent, its rules, limits, transcript and a tree, in spaces that vectorize; the peer scores a string"
STREAMS = "every task has a random stream of its own, so that splits and seeds share nothing"

ROWS = (
    Row(work="a further cell (gym step)", peer="LocalREPL", package="rlms", why=ISOLATION, open=further_cell),
    Row(work="new session and cell (reset, step)", peer="LocalREPL", package="rlms", why=ISOLATION, open=first_cell),
    Row(work="draw, show, judge", peer="reasoning-gym", package="reasoning-gym", why=EPISODE, open=whole_episode),
    Row(work="reset and one step", peer="gem", package="gem-llm", why=EPISODE, open=game_episode),
    Row(work="a text step", peer="TextArena", package="textarena", why=EPISODE, open=text_step),
    Row(work="an AEC step", peer="PettingZoo's tic-tac-toe", package="pettingzoo", why=EPISODE, open=aec_step),
    Row(work="draw a task", peer="reasoning-gym", package="reasoning-gym", why=STREAMS, open=drawing, rounds=4_000),
)
