"""The trainer turns the crank: warm start, then rollouts, credit, loss, step, and weights to the engine.

    roots × G trees → trajectories → signals → Eq. 1 → Eq. 3 → filter → Eq. 4 → Eq. 5 with CISPO → step → engine

The single-agent baseline, λ, root-only reward, depth weighting, staleness and the curriculum are settings of this
one path. A run is a sequence of ticks, one for each optimizer batch of the warm start and each rollout batch after
it. All chance is derived from the seed and these counters (`rao_train.seeds`), so that weights, optimizer, pending
rollouts and the source's state at the end of a tick decide everything that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from peft import PeftModel
from transformers import PreTrainedModel

from rao_gym.errors import InvalidValueError
from rao_gym.tree import ExecutionTree
from rao_train.engines import Sampling
from rao_train.engines.factory import EngineParts, make_engine
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.settings import Recipe
from rao_train.rollout.worker import RolloutBatch, RolloutWorker
from rao_train.run.evaluator import Evaluator
from rao_train.run.folder import RunFolder
from rao_train.run.handover import WeightHandover
from rao_train.run.health import BrokenSteps, delegation_warning, farming_warning, idle_warning
from rao_train.run.identity import identity_of
from rao_train.run.interrupts import interrupts_held
from rao_train.run.logs import LogEntry, RunLog
from rao_train.run.metrics import Metrics, evaluation_metrics, lag_metrics
from rao_train.run.model import model_of
from rao_train.run.parts import credit_of, loss_of, task_source_of
from rao_train.run.phases import EVALUATION, Phase, phases_of
from rao_train.run.policy_step import PolicyStep
from rao_train.run.progress import Reporter, SilentReporter
from rao_train.run.rollouts import RolloutQueue
from rao_train.run.saving import TrainerState, restore_run, save_run
from rao_train.run.supervised_step import SupervisedStep
from rao_train.run.warm_start import demonstrate, sequences_of
from rao_train.seeds import Purpose, seed_of


class Trainer:
    """Runs a recipe in a folder, from where the folder's last checkpoint left it.

    Args:
        recipe: Everything that decides the run.
        folder: Where checkpoints, logs and the model go.
        reporter: Is told how the run goes; nothing is shown when left out.

    Attributes:
        recipe: Everything that decides the run.
        folder: Where checkpoints, logs and the model go.
        model: The model that is trained.
        tokenizer: The model's tokenizer.
        state: Counters of the run.

    Raises:
        InvalidValueError: A value does not fit this machine, or a part of the user's own cannot be used.
    """

    def __init__(self, recipe: Recipe, folder: Path, reporter: Reporter | None = None) -> None:
        self.recipe = recipe
        self.folder = folder
        self.state = TrainerState()
        self._reporter = reporter or SilentReporter()
        self._setup = recipe.environment.setup()
        self._loss = loss_of(recipe.learner.loss)
        self._chain = recipe.judge.grading().chain(self._setup.family.id)
        training = recipe.training
        self._policy_step = PolicyStep(
            credit_of(recipe.credit),
            recipe.credit,
            seed=recipe.seed,
            minibatches=training.minibatches_per_step,
            minibatches_of=training.minibatches_of,
        )
        source = task_source_of(recipe, self._setup)
        model, self.tokenizer = model_of(recipe)
        self._template = TurnTemplate(self.tokenizer, recipe.model.template_arguments, declared_end_ids(model))
        self._token_counter = self._setup.counter(ModelTokens(self._template)).name
        self._phases = phases_of(recipe)
        self._phase = self._phases[0]
        self._learner = self._learner_of(model)
        self.model = self._learner.model
        self._engine = make_engine(
            EngineParts(
                model=self.model,
                end_ids=list(self._template.end_ids),
                settings=recipe.engine,
                bf16=recipe.learner.bf16,
            )
        )
        self._worker = self._worker_with(recipe.sampling)
        self._rollouts = RolloutQueue(source, self._worker, seed=recipe.seed, staleness=training.staleness)
        self._handover = WeightHandover(self._engine, bound=training.max_disagreement)
        self._evaluator = Evaluator(
            self._setup, recipe.evaluation, recipe.sampling, self._worker_with, seed=recipe.seed
        )
        self._supervised_step: SupervisedStep | None = None
        self._broken_steps = BrokenSteps()
        self._sampled_trees: list[ExecutionTree] = []
        self._run_folder = RunFolder(folder, recipe, identity_of(recipe, self._setup, self._chain))

    def run(self) -> list[ExecutionTree]:
        """Run to the end, and write the model to the folder ``model``.

        Returns:
            The trees of the final evaluation; none when the recipe asks for none.

        Raises:
            InvalidValueError: The folder holds another run, or a step shows that going on would be in vain.
            CheckpointError: A checkpoint could not be written or read.
            KeyboardInterrupt: There was a Ctrl-C; what was learned is saved, and the message says how to go on.
        """
        for change in self._run_folder.check():
            self._reporter.warn(change)
        if warning := farming_warning(self.recipe.credit):
            self._reporter.warn(warning)
        self._restore()
        try:
            trees = self._run()
        except KeyboardInterrupt:
            if self.state.tick:
                self._save()
            raise KeyboardInterrupt(self._how_to_go_on()) from None
        finally:
            self.close()
        self._learner.export(self.folder / "model", self.tokenizer)
        return trees

    def close(self) -> None:
        """End the workers of Python sessions, and the judge's connections."""
        self._worker.close()
        self._chain.close()

    def demonstrate(self, phase: Phase, *, num_trees: int | None = None) -> list[ExecutionTree]:
        """Play the demonstrations of a phase; none for a phase that is no warm start.

        Args:
            phase: One of the recipe's phases.
            num_trees: Trees to play; the stage's own number when left out.
        """
        if phase.stage is None:
            return []
        seed = seed_of(self.recipe.seed, Purpose.DEMONSTRATIONS, phase.place)
        return demonstrate(self._setup, phase.stage, seed, num_trees=num_trees, counter=ModelTokens(self._template))

    def play(self) -> RolloutBatch:
        """Play one task of each difficulty of the evaluation with the present weights, and write nothing."""
        return self._evaluator.play(1, self.state.version)

    def _run(self) -> list[ExecutionTree]:
        """Run the phases that are left and the final evaluation."""
        recipe, state = self.recipe, self.state
        project = recipe.logging.wandb
        config = recipe.to_dict()
        with RunLog(self.folder, state.tick, wandb_project=project, run_name=recipe.name, config=config) as log:
            for phase in self._phases:
                if state.tick < phase.end:
                    self._run_phase(phase, log)
            batches = self._evaluator.final(state.version)
            self._log_evaluations(log, state.tick + 1, batches)
            trees = [rollout.tree for rollout in batches[EVALUATION].rollouts] if batches else []
            log.write_trees(state.tick + 1, _first_of_each_difficulty(trees))
        return trees

    def _run_phase(self, phase: Phase, log: RunLog) -> None:
        """Go on with a phase until its end, or until its budget is spent."""
        state = self.state
        self._enter(phase)
        self._reporter.start(phase.name, state.tick - phase.start, phase.steps)
        while state.tick < phase.end and not self._out_of_budget(phase):
            self._tick(log)
            last = state.tick == phase.end or self._out_of_budget(phase)
            if last and phase.stage is not None:
                self._learner.export(self.folder / "warm_start", self.tokenizer)
            if last or state.tick % self.recipe.training.checkpoint_every == 0:
                self._save()

    def _out_of_budget(self, phase: Phase) -> bool:
        """Tell whether no further training step may begin."""
        training, state = self.recipe.training, self.state
        spent = 0 < training.max_seconds <= state.seconds or 0 < training.max_tokens <= state.tokens
        return phase.stage is None and spent

    def _tick(self, log: RunLog) -> None:
        """Take one step of the present phase and log it."""
        phase, state, recipe = self._phase, self.state, self.recipe
        step = state.tick - phase.start + 1
        if phase.stage is not None:
            self._supervise(log)
            return
        if step == 1:
            self._evaluate_before(log)
        self._train(log)
        if recipe.logging.trees_every and step % recipe.logging.trees_every == 0:
            log.write_trees(state.tick, self._sampled_trees)
        self._log_evaluations(log, state.tick, self._evaluator.on_the_way(step, state.version))

    def _evaluate_before(self, log: RunLog) -> None:
        """Log how the policy acts before it is trained, and warn if it delegates already."""
        batches = self._evaluator.before(self.state.version)
        self._log_evaluations(log, self.state.tick + 1, batches)
        if self.recipe.environment.recursive and (warning := delegation_warning(batches.values())):
            self._reporter.warn(warning)

    def _supervise(self, log: RunLog) -> None:
        """Take one supervised step on demonstrations."""
        if self._supervised_step is None:
            raise AssertionError("a warm-start stage has demonstrations")
        with interrupts_held():
            metrics, updates = self._supervised_step.take(self._learner, self.state.tick)
            self.state.tick += 1
            self._log_step(log, metrics)
        self._broken_steps.watch(self._phase.name, updates, self._run_folder.checkpoints)

    def _train(self, log: RunLog) -> None:
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
        with interrupts_held():
            batch = self._rollouts.take()
            before = perf_counter()
            metrics, updates = self._policy_step.take(self._learner, batch, state.version)
            learning = perf_counter() - before
            self._handover.give(state.version + 1)
            self._sampled_trees = [rollout.tree for rollout in batch.rollouts[: recipe.logging.trees]]
            seconds = perf_counter() - started
            metrics |= agreement | lag_metrics(batch, state.version)
            metrics |= {
                "policy/version": state.version + 1,
                "seconds/step": seconds,
                "share/generation": generating / seconds,
                "share/environment": acting / seconds,
                "share/learning": learning / seconds,
                "speed/learned": sum(update.num_tokens for update in updates) / learning,
            }
            state.tick += 1
            state.version += 1
            state.seconds += seconds
            state.tokens += batch.num_generated + batch.num_read
            changed = metrics["steps/taken"] > 0
            state.num_changing += changed
            state.num_idle = 0 if changed else state.num_idle + 1
            self._log_step(log, metrics)
        if warning := idle_warning(state.num_idle, metrics):
            self._reporter.warn(warning)
        self._broken_steps.watch(self._phase.name, updates, self._run_folder.checkpoints)

    def _log_step(self, log: RunLog, metrics: Metrics) -> None:
        """Log a step that is done."""
        phase, tick = self._phase, self.state.tick
        self._log(log, LogEntry(tick=tick, phase=phase.name, step=tick - phase.start, metrics=metrics))

    def _log_evaluations(self, log: RunLog, tick: int, batches: Mapping[str, RolloutBatch]) -> None:
        """Log how evaluations went, each under its phase."""
        for phase, batch in batches.items():
            metrics = evaluation_metrics(batch)
            self._log(log, LogEntry(tick=tick, phase=phase, step=self.state.version, metrics=metrics))

    def _log(self, log: RunLog, entry: LogEntry) -> None:
        """Write an entry and show it; from the first one on, the folder is this run's."""
        self._run_folder.claim()
        entry = replace(entry, token_counter=self._token_counter)
        log.write(entry)
        self._reporter.report(entry)

    def _worker_with(self, sampling: Sampling) -> RolloutWorker:
        """Return a worker that draws in this way."""
        return RolloutWorker(
            self._setup,
            self._engine,
            self._template,
            sampling,
            max_length=self._max_length(),
            chain=self._chain,
        )

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
        self._supervised_step = None
        if phase.stage is not None:
            trees = self.demonstrate(phase)
            demonstrations = [sequence for tree in trees for sequence in sequences_of(tree, self._template)]
            self._supervised_step = SupervisedStep(
                demonstrations,
                seed=self.recipe.seed,
                batch_size=phase.stage.sequences_per_step,
                num_skipped=phase.stage.demonstrations - len(trees),
            )

    def _learner_of(self, model: PreTrainedModel | PeftModel) -> Learner:
        """Return a new learner for the present phase."""
        return Learner(
            model,
            self._learner_settings(),
            temperature=self.recipe.sampling.temperature or 1.0,
            adapter_seed=self.recipe.seed,
            loss=self._loss,
        )

    def _learner_settings(self) -> LearnerSettings:
        """Return the learner's settings in the present phase."""
        stage, settings = self._phase.stage, self.recipe.learner
        if stage is None:
            return settings
        return replace(settings, learning_rate=stage.learning_rate, warmup_steps=stage.warmup_steps, decay_steps=0)

    def _save(self) -> None:
        """Write a checkpoint, unless the last step broke: its weights are not to be kept."""
        if self._broken_steps.in_a_row:
            return
        with interrupts_held():
            save_run(self._run_folder.checkpoints, self._learner, self.tokenizer, self.state, self._rollouts)

    def _how_to_go_on(self) -> str:
        """Return what a person is told after a Ctrl-C."""
        if not self.state.tick:
            return "Interrupted before the first step; there is nothing to go on from."
        step = self.state.tick - self._phase.start
        return f"Interrupted after step {step} of {self._phase.name}. Go on with: rao train --out {self.folder}"

    def _restore(self) -> None:
        """Go on from the last checkpoint, if there is one.

        Raises:
            CheckpointError: There are checkpoints, and none of them can be used.
            InvalidValueError: The run has already gone further than the recipe asks for.
        """
        self.state = restore_run(self._run_folder.checkpoints, self._learner, self._rollouts)
        last = self._phases[-1]
        if self.state.tick > last.end:
            raise InvalidValueError(
                f"The run in {str(self.folder)!r} has taken {self.state.version} training steps, more than "
                f"training.steps={last.steps}. Raise it to go on, or name another folder with --out."
            )
        self._phase = next(phase for phase in self._phases if self.state.tick <= phase.end)
        self._learner.settings = self._learner_settings()
        self._handover.give(self.state.version)


def _first_of_each_difficulty(trees: Sequence[ExecutionTree]) -> list[ExecutionTree]:
    """Return one tree for each difficulty."""
    first: dict[int, ExecutionTree] = {}
    for tree in trees:
        first.setdefault(tree.task.difficulty, tree)
    return list(first.values())
