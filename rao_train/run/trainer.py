"""The trainer turns the crank: warm start, then rollouts, credit, loss, step, and weights to the engine.

    roots × G trees → trajectories → signals → Eq. 1 → Eq. 3 → filter → Eq. 4 → Eq. 5 with CISPO → step → engine

The single-agent baseline, λ, root-only reward, depth weighting, staleness and the curriculum are settings of this
one path. A run is a sequence of ticks, one for each optimizer batch of the warm start and each rollout batch after
it. All chance is derived from the seed and these counters (`rao_train.seeds`), so that weights, optimizer, pending
rollouts and the schedule's state at the end of a tick decide everything that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from peft import PeftModel
from transformers import PreTrainedModel

from rao_gym.errors import InvalidValueError
from rao_gym.tree import ExecutionTree
from rao_train.engines import Sampling
from rao_train.engines.factory import EngineParts, make_engine
from rao_train.learning.learner import Learner, SkipReason, UpdateMetrics
from rao_train.learning.settings import LearnerSettings
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.settings import Recipe, WarmStartStage
from rao_train.rollout.trajectory import TokenSequence
from rao_train.rollout.worker import RolloutBatch, RolloutWorker
from rao_train.run.checkpoint import load_checkpoint, save_checkpoint
from rao_train.run.evaluator import Evaluator
from rao_train.run.folder import claim
from rao_train.run.handover import WeightHandover
from rao_train.run.logs import LogEntry, RunLog
from rao_train.run.metrics import Metrics, evaluation_metrics, update_metrics
from rao_train.run.model import model_of
from rao_train.run.phases import EVALUATION, Phase, phases_of
from rao_train.run.policy_step import PolicyStep
from rao_train.run.progress import Reporter, SilentReporter
from rao_train.run.rollouts import RolloutQueue
from rao_train.run.task_source import CurriculumTasks
from rao_train.run.warm_start import demonstrate, sequences_of
from rao_train.seeds import Purpose, seed_of

CHECKPOINTS = "checkpoints"
PENDING = "pending.jsonl"
MAX_BROKEN_STEPS = 3
"""Steps in a row whose loss or gradient is not finite; after them a run ends."""


@dataclass(slots=True)
class TrainerState:
    """Counters of a run; with the weights, the optimizer and the rollout queue, all that a resume needs.

    Attributes:
        tick: Ticks done, warm start included.
        version: Rollout batches learned from, which is the version of the weights.
        seconds: Time spent on training steps.
    """

    tick: int = 0
    version: int = 0
    seconds: float = 0.0


class Trainer:
    """Runs a recipe in a folder, from where the folder's last checkpoint left it.

    Args:
        recipe: Everything that decides the run.
        folder: Where checkpoints, logs and the model go.
        reporter: Is told how the run goes; nothing is shown when left out.

    Attributes:
        recipe: Everything that decides the run.
        folder: Where checkpoints, logs and the model go.
        tokenizer: The model's tokenizer.
        state: Counters and pending rollouts of the run.

    Raises:
        InvalidValueError: The folder holds a run of another recipe, or a value does not fit this machine.
    """

    def __init__(self, recipe: Recipe, folder: Path, reporter: Reporter | None = None) -> None:
        self.recipe = recipe
        self.folder = folder
        self.state = TrainerState()
        self._reporter = reporter or SilentReporter()
        self._setup = recipe.environment.setup()
        model, self.tokenizer = model_of(recipe)
        self._template = TurnTemplate(self.tokenizer, recipe.model.template_arguments, declared_end_ids(model))
        self._phases = phases_of(recipe)
        self._phase = self._phases[0]
        self._learner = self._learner_of(model)
        self._engine = make_engine(
            EngineParts(
                model=self._learner.model,
                end_ids=list(self._template.end_ids),
                settings=recipe.engine,
                bf16=recipe.learner.bf16,
            )
        )
        self._worker = self._worker_with(recipe.sampling)
        training = recipe.training
        source = CurriculumTasks(
            self._setup,
            recipe.curriculum.schedule(),
            seed=recipe.seed,
            tasks_per_step=training.tasks_per_step,
            group_size=training.group_size,
        )
        self._rollouts = RolloutQueue(source, self._worker, seed=recipe.seed, staleness=training.staleness)
        self._policy_step = PolicyStep(recipe.credit, seed=recipe.seed, minibatches=training.minibatches_per_step)
        self._handover = WeightHandover(self._engine)
        sampling = replace(recipe.sampling, temperature=recipe.evaluation.temperature)
        self._evaluator = Evaluator(
            self._setup, recipe.evaluation, lambda: self._worker_with(sampling), seed=recipe.seed
        )
        self._demonstrations: list[TokenSequence] = []
        self._sampled_trees: list[ExecutionTree] = []
        self._num_broken = 0

    def run(self) -> list[ExecutionTree]:
        """Run to the end, and write the model to the folder ``model``.

        Returns:
            The trees of the final evaluation; none when the recipe asks for none.
        """
        recipe = self.recipe
        claim(self.folder, recipe)
        self._restore()
        state = self.state
        project = recipe.logging.wandb
        config = recipe.to_dict()
        with RunLog(self.folder, state.tick, wandb_project=project, run_name=recipe.name, config=config) as log:
            for phase in self._phases:
                if state.tick < phase.end:
                    self._run_phase(phase, log)
            trees: list[ExecutionTree] = []
            if recipe.evaluation.final:
                trees = self._log_evaluation(log, state.tick + 1, self._evaluator.final(state.version))
                log.write_trees(state.tick + 1, _first_of_each_difficulty(trees))
        self._learner.export(self.folder / "model", self.tokenizer)
        self._worker.close()
        return trees

    def _run_phase(self, phase: Phase, log: RunLog) -> None:
        """Go on with a phase until its end, or until the time is over."""
        state, training = self.state, self.recipe.training
        self._enter(phase)
        self._reporter.start(phase.name, state.tick - phase.start, phase.steps)
        while state.tick < phase.end and not self._out_of_time(phase):
            self._tick(log)
            last = state.tick == phase.end or self._out_of_time(phase)
            if last and phase.stage is not None:
                self._learner.export(self.folder / "warm_start", self.tokenizer)
            if (last or state.tick % training.checkpoint_every == 0) and not self._num_broken:
                self._save()

    def _out_of_time(self, phase: Phase) -> bool:
        """Tell whether no further training step may begin."""
        max_seconds = self.recipe.training.max_seconds
        return phase.stage is None and 0 < max_seconds <= self.state.seconds

    def _tick(self, log: RunLog) -> None:
        """Take one step of the present phase and log it."""
        phase, state, recipe = self._phase, self.state, self.recipe
        if phase.stage is None and state.tick == phase.start and self._evaluator.is_due(0):
            self._log_evaluation(log, state.tick + 1, self._evaluator.on_the_way(state.version))
        metrics = self._train() if phase.stage is None else self._supervise(phase.stage)
        state.tick += 1
        step = state.tick - phase.start
        entry = LogEntry(tick=state.tick, phase=phase.name, step=step, metrics=metrics)
        log.write(entry)
        self._reporter.report(entry)
        if phase.stage is not None:
            return
        if recipe.logging.trees_every and step % recipe.logging.trees_every == 0:
            log.write_trees(state.tick, self._sampled_trees)
        if self._evaluator.is_due(step):
            self._log_evaluation(log, state.tick, self._evaluator.on_the_way(state.version))

    def _supervise(self, stage: WarmStartStage) -> Metrics:
        """Take one supervised step on demonstrations."""
        rng = np.random.default_rng(seed_of(self.recipe.seed, Purpose.SUPERVISION, self.state.tick))
        started = perf_counter()
        places = rng.integers(len(self._demonstrations), size=stage.sequences_per_step)
        update = self._learner.supervised_step([self._demonstrations[place] for place in places])
        self._watch([update])
        seconds = perf_counter() - started
        return update_metrics([update]) | {"seconds/step": seconds, "speed/learned": update.num_tokens / seconds}

    def _train(self) -> Metrics:
        """Take one step of reinforcement learning: roll out, learn, and give the weights to the engine."""
        recipe, state = self.recipe, self.state
        started = perf_counter()
        generating = acting = 0.0
        agreement: Metrics = {}
        while not self._rollouts.is_full:
            fresh = self._rollouts.grow(state.version)
            generating += fresh.seconds_generating
            acting += fresh.seconds_acting
            agreement = self._handover.compare(self._learner, fresh)
        batch = self._rollouts.take()
        before = perf_counter()
        metrics, updates = self._policy_step.take(self._learner, batch, state.version)
        self._watch(updates)
        learning = perf_counter() - before
        self._handover.give(state.version + 1)
        self._sampled_trees = [rollout.tree for rollout in batch.rollouts[: recipe.logging.trees]]
        seconds = perf_counter() - started
        state.seconds += seconds
        metrics |= agreement | {
            "policy/lag": state.version - batch.policy_version,
            "policy/version": state.version + 1,
            "seconds/step": seconds,
            "share/generation": generating / seconds,
            "share/environment": acting / seconds,
            "share/learning": learning / seconds,
            "speed/learned": sum(update.num_tokens for update in updates) / learning,
        }
        state.version += 1
        return metrics

    def _watch(self, updates: Sequence[UpdateMetrics]) -> None:
        """Count the steps in a row that were not finite; weights that came to this are not saved.

        Raises:
            InvalidValueError: There were too many.
        """
        broken = all(update.skipped is SkipReason.NOT_FINITE for update in updates)
        self._num_broken = self._num_broken + 1 if broken else 0
        if self._num_broken == MAX_BROKEN_STEPS:
            raise InvalidValueError(
                f"{self._phase.name}: loss or gradient was not finite in {MAX_BROKEN_STEPS} steps in a row. Lower the "
                f"learning rate. What was saved before them is in {self.folder / CHECKPOINTS}."
            )

    def _log_evaluation(self, log: RunLog, tick: int, batch: RolloutBatch) -> list[ExecutionTree]:
        """Log how an evaluation went; return its trees."""
        entry = LogEntry(tick=tick, phase=EVALUATION, step=self.state.version, metrics=evaluation_metrics(batch))
        log.write(entry)
        self._reporter.report(entry)
        return [rollout.tree for rollout in batch.rollouts]

    def _worker_with(self, sampling: Sampling) -> RolloutWorker:
        """Return a worker that draws in this way."""
        return RolloutWorker(self._setup, self._engine, self._template, sampling, max_length=self._max_length())

    def _max_length(self) -> int | None:
        """Return the longest sequence that the model can read, where its configuration says so."""
        config = self._learner.model.config.get_text_config()
        length: int | None = getattr(config, "max_position_embeddings", None)
        return length

    def _enter(self, phase: Phase) -> None:
        """Make a phase the present one; a new phase has a new optimizer."""
        if phase is not self._phase:
            self._phase = phase
            self._learner = self._learner_of(self._learner.model)
        if phase.stage is not None:
            seed = seed_of(self.recipe.seed, Purpose.DEMONSTRATIONS, phase.place)
            trees = demonstrate(self.recipe.environment.setup(), phase.stage, seed)
            self._demonstrations = [sequence for tree in trees for sequence in sequences_of(tree, self._template)]

    def _learner_of(self, model: PreTrainedModel | PeftModel) -> Learner:
        """Return a new learner for the present phase."""
        temperature = self.recipe.sampling.temperature or 1.0
        return Learner(model, self._learner_settings(), temperature=temperature, adapter_seed=self.recipe.seed)

    def _learner_settings(self) -> LearnerSettings:
        """Return the learner's settings in the present phase."""
        stage, settings = self._phase.stage, self.recipe.learner
        if stage is None:
            return settings
        return replace(settings, learning_rate=stage.learning_rate, warmup_steps=stage.warmup_steps)

    def _save(self) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: It could not be written; those before it are intact.
        """
        state = self.state
        save_checkpoint(
            self.folder / CHECKPOINTS,
            self._learner,
            self.tokenizer,
            step=state.tick,
            state={"counters": asdict(state), "rollouts": self._rollouts.state()},
            files={PENDING: self._rollouts.waiting().encode()},
        )

    def _restore(self) -> None:
        """Go on from the last checkpoint, if there is one.

        Raises:
            CheckpointError: There are checkpoints, and none of them can be used.
        """
        checkpoint = load_checkpoint(self.folder / CHECKPOINTS, self._learner)
        if checkpoint is None:
            return
        saved: dict[str, Any] = dict(checkpoint.state)
        self._rollouts.restore(saved["rollouts"], checkpoint.files[PENDING].decode())
        self.state = TrainerState(**saved["counters"])
        self._phase = next(phase for phase in self._phases if self.state.tick <= phase.end)
        self._learner.settings = self._learner_settings()
        self._handover.give(self.state.version)


def _first_of_each_difficulty(trees: Sequence[ExecutionTree]) -> list[ExecutionTree]:
    """Return one tree for each difficulty."""
    first: dict[int, ExecutionTree] = {}
    for tree in trees:
        first.setdefault(tree.task.difficulty, tree)
    return list(first.values())
