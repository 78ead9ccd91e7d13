"""What a generated crafting task and a craft cost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.throughput.load import NO_LIMITS, Figure, seconds_of
from rao_gym.actions import write_call
from rao_gym.runtime import Runtime
from rao_gym.tasks.textcraft import TextCraft
from rao_gym.tasks.textcraft.workshop import Workshop

ROUNDS = 1_000

Record = Callable[[Figure], None]


def test_crafting_tasks(benchmark: BenchmarkFixture, record_figure: Record) -> None:
    """Tasks of difficulty 3, each a new one."""
    family, indices = TextCraft(), count()
    benchmark.pedantic(lambda: family.sample(0, "train", next(indices), 3), rounds=ROUNDS, warmup_rounds=10)
    milliseconds = seconds_of(benchmark).median * 1e3
    record_figure(Figure(name="crafting task of difficulty 3", target=0.5, measured=milliseconds, unit="ms"))


def test_craft_turn(benchmark: BenchmarkFixture, record_figure: Record) -> None:
    """A turn with one craft, with material for many of them."""
    runtime = Runtime(TextCraft(), NO_LIMITS, "tools")
    root = runtime.reset(0, 1)
    workshop = runtime.world
    assert isinstance(workshop, Workshop)
    [recipe] = [workshop.book.recipes[item] for item in runtime.task.context.targets]
    workshop.stock.update({item: amount * 2 * ROUNDS for item, amount in recipe.ingredients})
    action = write_call("craft", ingredients=dict(recipe.ingredients), target=[recipe.item, recipe.makes])
    benchmark.pedantic(lambda: runtime.act(root, action), rounds=ROUNDS, warmup_rounds=10)
    assert "Made" in root.messages[-1]["content"]
    microseconds = seconds_of(benchmark).median * 1e6
    record_figure(Figure(name="craft turn, tools", target=100, measured=microseconds, unit="us"))
