"""Parts of the user's own: what a run does with them, and what is said when one does not fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.registry import Setup
from rao_train.credit import credit
from rao_train.loss import cispo_loss
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import LogEntry, read_log
from rao_train.run.parts import credit_of, loss_of, task_source_of
from rao_train.run.phases import TRAIN
from rao_train.run.trainer import Trainer

PARTS = '''
from dataclasses import replace
from rao_gym.curriculum import FixedMixture
from rao_gym.policies.base import Turn
from rao_train.credit import credit
from rao_train.run.task_source import TaskGroup

def no_ratio(tokens, settings):
    return -tokens.coefficients_P * tokens.logprobs_P

def summed(tokens, settings):
    return no_ratio(tokens, settings).sum()

class Scaled:
    def __init__(self, factor):
        self.factor = factor
    def __call__(self, tokens, settings):
        return self.factor * no_ratio(tokens, settings)

def roots_only(rollouts, settings):
    whole = credit(rollouts, settings)
    return replace(whole, trajectories=[one for one in whole.trajectories if one.trajectory.depth == 0])

def no_credit(rollouts, settings):
    return []

class Climb(FixedMixture):
    def __init__(self, first=1):
        super().__init__({first: 1.0})

class Mute:
    def draw(self, rng):
        return 1

def finished(node):
    return 0.5

class SameTask:
    """One task over and over."""
    def __init__(self, parts, size=2):
        self.parts, self.size = parts, size
    def groups(self, number):
        task = self.parts.setup.family.sample(7, "train", 0, 1)
        return [TaskGroup(task=task, size=self.size)]
    def update(self, rollouts):
        pass
    def state(self):
        return {}
    def restore(self, state):
        pass

class Nothing(SameTask):
    def groups(self, number):
        return []

class Tasks(SameTask):
    def groups(self, number):
        return [group.task for group in super().groups(number)]
'''

SMALL = (
    "model.tiny={layers = 1, width = 32, heads = 2, hidden = 32}",
    "environment.options.modulus=5",
    "warm_start.stages=[{name = 'one', steps = 30, learning_rate = 1e-2, demonstrations = 40}]",
    "training.steps=1",
    "training.minibatches_per_step=1",
    "training.tasks_per_step=4",
    "training.group_size=4",
    "credit.group_filter=none",
    "evaluation={final = false}",
)


@pytest.fixture(autouse=True)
def parts_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the user's file into the working directory."""
    (tmp_path / "parts_of_a_user.py").write_text(PARTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("parts_of_a_user", None)


def small(*overrides: str) -> Recipe:
    return load_recipe("arithmetic_tiny", [*SMALL, *overrides])


def trained(*overrides: str) -> LogEntry:
    """Return the log of the only training step of a run."""
    Trainer(small(*overrides), Path("run")).run()
    return next(entry for entry in read_log(Path("run")) if entry.phase == TRAIN)


def setup_of(recipe: Recipe) -> Setup:
    return recipe.environment.setup()


def test_a_recipe_s_own_parts_are_the_built_in_ones() -> None:
    recipe = small()
    assert loss_of(recipe.learner.loss) is cispo_loss
    assert credit_of(recipe.credit) is credit
    assert recipe.judge.grading().chain("rao/Arithmetic-v0").text == "exact,root,zero"


def test_a_loss_scales_the_gradient() -> None:
    named = "learner.loss.name=parts_of_a_user:Scaled"
    once = trained(named, "learner.loss.options={factor = 1.0}").metrics
    Trainer(small(named, "learner.loss.options={factor = 3.0}"), Path("other")).run()
    thrice = next(entry for entry in read_log(Path("other")) if entry.phase == TRAIN).metrics
    assert thrice["gradient_norm"] == pytest.approx(3 * once["gradient_norm"], rel=1e-4)
    assert once["gradient_norm"] > 0


def test_on_policy_a_loss_without_the_ratio_is_the_built_in_one() -> None:
    ours = trained("learner.loss.name=parts_of_a_user:no_ratio").metrics
    Trainer(small(), Path("other")).run()
    theirs = next(entry for entry in read_log(Path("other")) if entry.phase == TRAIN).metrics
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)


def test_credit_decides_what_enters_the_loss() -> None:
    eager = "warm_start.stages.0.policies={'rao_gym.tasks.arithmetic:EagerPolicy' = 1.0}"
    metrics = trained("credit.name=parts_of_a_user:roots_only", "curriculum.difficulties={2 = 1}", eager).metrics
    assert metrics["credit/trajectories"] == 16


def test_a_curriculum_takes_options() -> None:
    chosen = ("curriculum.kind=parts_of_a_user:Climb", "curriculum.options={first = 3}")
    assert trained(*chosen).metrics["curriculum/difficulty"] == 3


def test_a_task_source_chooses_tasks_and_groups() -> None:
    metrics = trained("tasks.source=parts_of_a_user:SameTask", "tasks.options={size = 3}").metrics
    assert metrics["credit/trajectories"] == 3


def test_a_judge_is_loaded() -> None:
    chain = small("judge.name=parts_of_a_user:finished").judge.grading().chain("rao/Arithmetic-v0")
    assert chain.text == "exact,judge"
    assert chain.judge is not None


@pytest.mark.parametrize(
    ("overrides", "kind", "message"),
    [
        (("learner.loss.name=cipso",), UnknownNameError, "Unknown loss 'cipso'. Did you mean 'cispo'"),
        (("learner.loss.options={a = 1}",), InvalidValueError, "options are for loss module:name"),
        (("learner.loss.name=parts_of_a_user:nothing",), InvalidValueError, "Cannot import 'parts_of_a_user:nothing'"),
        (
            ("learner.loss.name=parts_of_a_user:finished",),
            InvalidValueError,
            "callable with (tokens, settings)",
        ),
        (("learner.loss.name=parts_of_a_user:Scaled",), InvalidValueError, "cannot be built: TypeError"),
        (
            ("learner.loss.name=parts_of_a_user:Scaled", "learner.loss.options={fator = 1}"),
            UnknownNameError,
            "Did you mean 'factor'",
        ),
        (
            ("learner.loss.name=parts_of_a_user:no_ratio", "learner.loss.options={a = 1}"),
            UnknownNameError,
            "option of loss parts_of_a_user:no_ratio 'a'",
        ),
        (("learner.loss.name=parts_of_a_user:summed",), InvalidValueError, "one number for each token"),
        (("credit.name=parts_of_a_user:no_credit",), InvalidValueError, "Credit assignment returns a Credit, got []"),
        (("credit.name=rai",), UnknownNameError, "Did you mean 'rao'"),
        (("curriculum.kind=fixd",), UnknownNameError, "Did you mean 'fixed'"),
        (("curriculum.kind=parts_of_a_user:Mute",), InvalidValueError, "has no method 'update'"),
        (("tasks.source=parts_of_a_user:Mute",), InvalidValueError, "'parts_of_a_user:Mute' cannot be built"),
        (("tasks.source=parts_of_a_user:Nothing",), InvalidValueError, "no rollouts for a batch"),
        (("tasks.source=parts_of_a_user:Tasks",), InvalidValueError, "returns TaskGroups, got Task"),
        (("judge.name=parts_of_a_user:no_ratio",), InvalidValueError, "must be callable with (node)"),
        (("environment.id=no_such_module:rao/Arithmetic-v0",), InvalidValueError, "Cannot import 'no_such_module'"),
    ],
)
def test_parts_that_do_not_fit_are_named(overrides: tuple[str, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        Trainer(small(*overrides), Path("run")).run()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_that_registers_an_id_is_imported() -> None:
    Path("registers_of_a_user.py").write_text(
        "import rao_gym\nfrom rao_gym.registry import register\n"
        "register('user/Sums-v0', 'rao_gym.tasks.arithmetic:Arithmetic')\n"
    )
    recipe = small("environment.id=registers_of_a_user:user/Sums-v0")
    assert setup_of(recipe).family.id == "rao/Arithmetic-v0"
    assert task_source_of(recipe, setup_of(recipe)).groups(0)
