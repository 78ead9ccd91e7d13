"""The ablations: their recipes, their credit, what is read from their logs, and that they go on where they stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import Plan, make_rollout

from benchmarks.training.ablation_results import first_step, smooth, tables_of
from benchmarks.training.ablations import main
from benchmarks.training.arms import ARMS, TRAININGS, arm_recipe, warm_start_recipe
from benchmarks.training.launch_pressure import table_of
from benchmarks.training.leaves import light_leaves
from rao_train.credit import CreditSettings
from rao_train.run.parts import credit_of

SMALL = (
    "model.tiny.layers=1",
    "model.tiny.width=32",
    "model.tiny.heads=1",
    "model.tiny.hidden=32",
    *(f"warm_start.stages.{stage}.steps=1" for stage in range(4)),
    *(f"warm_start.stages.{stage}.demonstrations=20" for stage in range(4)),
    "training.tasks_per_step=2",
    "training.group_size=2",
    "sampling.max_new_tokens=4",
)


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_is_a_recipe_that_differs_from_rao_in_its_credit_alone(
    arm: str, training: str, tmp_path: Path
) -> None:
    ours = arm_recipe(arm, training, 1, weights=tmp_path, steps=7).to_dict()
    rao = arm_recipe("rao", training, 1, weights=tmp_path, steps=7).to_dict()
    assert {key for key in ours if ours[key] != rao[key]} == (set() if arm == "rao" else {"credit"})
    assert warm_start_recipe(1).seed == 1
    assert warm_start_recipe(1).warm_start.stages


def test_a_leaf_weighs_no_more_than_a_root() -> None:
    leaf, nested = Plan("right"), Plan("right", (Plan("right"),))
    rollouts = [
        make_rollout(Plan("right", (leaf, nested)), index=0),
        *(make_rollout(Plan("wrong"), index=i) for i in (1, 2)),
    ]
    for node in rollouts[0].tree.nodes:
        node.divisible = bool(node.children)
    found = light_leaves(rollouts, CreditSettings(depth_weighting=False))
    # Three roots, two children, one grandchild: Eq. 4 gives 2 a depth, so 2/3, 1 and 2 each. The leaf among the
    # children and the grandchild are held down to a root's 2/3; the nested child keeps its 1.
    scale = 6 / (5 * 2 / 3 + 1)
    weights = {(one.trajectory.rollout, one.trajectory.node): one.weight / scale for one in found.trajectories}
    held = dict.fromkeys([(0, 0), (0, 1), (0, 3), (1, 0), (2, 0)], 2 / 3)
    assert weights == pytest.approx(held | {(0, 2): 1.0})
    assert light_leaves([], CreditSettings()).trajectories == []
    assert credit_of(CreditSettings(name="benchmarks.training.leaves:light_leaves")) is light_leaves


def test_curves_are_means_of_five_steps_and_thresholds_need_all_five() -> None:
    assert smooth([1.0, 0.0, None, None, None, None, None, 0.5]) == [1.0, 0.5, 0.5, 0.5, 0.5, 0.0, None, 0.5]
    assert first_step([0.9, 0.9, 0.9, 0.9, 0.2, None, 0.5, 0.4], 0.5) == 7
    assert first_step([0.4] * 9, 0.5) is None


def test_a_finished_run_is_kept_and_others_are_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def study(*arms: str) -> list[str]:
        chosen = ["--arms", *arms, "--trainings", "d2-3", "--seeds", "1", "--steps", "1"]
        main(["--out", str(tmp_path), *chosen, "--set", *SMALL])
        return [line.partition(":")[0] for line in capsys.readouterr().out.splitlines() if line.endswith(" s")]

    assert study("rao") == ["warm start, seed 1", "d2-3 rao, seed 1"]
    assert study("rao", "capped") == ["d2-3 capped, seed 1"]
    runs = json.loads((tmp_path / "ablations.json").read_text())["runs"]
    assert [(run["training"], run["arm"], run["seed"]) for run in runs] == [("d2-3", "capped", 1), ("d2-3", "rao", 1)]
    table = (tmp_path / "ablations.md").read_text(encoding="utf-8")
    assert "| λ 0 | not run |" in table
    assert (tmp_path / "ablations.png").stat().st_size > 1000


def test_the_published_tables_are_those_of_the_published_runs() -> None:
    results = Path(__file__).parents[1] / "docs" / "results"
    page = (results / "ablations.md").read_text(encoding="utf-8")
    studies = [json.loads((results / name).read_text())["runs"] for name in ("ablations.json", "ablations_recipe.json")]
    slopes = json.loads((results / "launch_pressure.json").read_text())["pushes"]
    rows = [row for runs in studies for row in tables_of(runs).splitlines() if "λ 0.4" in row and "not run" not in row]
    rows += table_of(slopes).splitlines()
    assert len(rows) == 4 + 6  # the runs, and the table of slopes
    assert [row for row in rows if row not in page] == []
