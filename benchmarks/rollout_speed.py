"""Compare rollouts with the engine alone: ``python benchmarks/rollout_speed.py MODEL_FOLDER``.

Trees grow in the real runtime while an observer keeps every batch of requests; then the engine answers the same
batches again, without an environment. Printed are generated tokens per second of both over all rounds, and their
ratio.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Hashable, Sequence
from time import perf_counter

import torch

from rao_train.engines import BatchEngine, Completion, Request, Sampling, TransformersEngine
from rao_train.models.loading import load_folder
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.reading import load_recipe
from rao_train.rollout.worker import PlannedRollout, RolloutWorker

Event = Sequence[Request] | Hashable


class Observer(BatchEngine):
    """Passes everything on to an engine and keeps it.

    Args:
        engine: The engine.

    Attributes:
        events: Every batch of requests, and between them the sessions that were released, in order.
    """

    def __init__(self, engine: TransformersEngine) -> None:
        super().__init__()
        self._engine = engine
        self.events: list[tuple[str, Event]] = []

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Keep a copy of the requests, whose ids go on growing, and answer them."""
        copies = [Request(list(request.ids), request.seed, request.session) for request in requests]
        self.events.append(("generate", copies))
        return self._engine.generate(requests, sampling)

    def release(self, session: Hashable) -> None:
        """Keep the session's name and release it."""
        self.events.append(("release", session))
        self._engine.release(session)

    def sync_weights(self, version: int) -> None:
        """Forget all conversations."""
        self._engine.sync_weights(version)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model folder, such as runs/demo/rao/model")
    parser.add_argument("--recipe", default="arithmetic_tiny")
    parser.add_argument("--difficulty", type=int, default=3)
    parser.add_argument("--trees", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe(arguments.recipe)
    setup = recipe.environment.setup()
    model, tokenizer = load_folder(arguments.model, recipe.model.device)
    template = TurnTemplate(tokenizer)
    engine = TransformersEngine(model, [template.end_id], recipe.engine, bf16=recipe.learner.bf16)
    gc.freeze()  # as `rao train` does
    observer = Observer(engine)
    worker = RolloutWorker(setup, observer, template, recipe.sampling)
    num_generated, rollout_seconds, engine_seconds = 0, 0.0, 0.0
    for round_number in range(arguments.rounds):
        observer.events.clear()
        tasks = [
            setup.family.sample(round_number, "train", index, arguments.difficulty) for index in range(arguments.trees)
        ]
        plans = [
            PlannedRollout(task=task, index=place, group=place, seed=(round_number, place))
            for place, task in enumerate(tasks)
        ]
        started = perf_counter()
        num_generated += worker.grow(plans).num_generated
        rollout_seconds += perf_counter() - started
        started = perf_counter()
        for kind, event in observer.events:
            if kind == "generate" and isinstance(event, list):
                engine.generate(event, recipe.sampling)
            else:
                engine.release(event)
        engine_seconds += perf_counter() - started
    rollout, alone = num_generated / rollout_seconds, num_generated / engine_seconds
    print(f"rollout {rollout:,.0f} tokens/s   engine alone {alone:,.0f} tokens/s   ratio {rollout / alone:.2f}")


if __name__ == "__main__":
    main()
