"""RAO in one file, for reading and for starting your own: ``python -m rao_train.minimal arithmetic_tiny``.

It trains on the same recipes as ``rao train`` with the same random streams, so that its first loss and its learning
curve are those of the full trainer. Left out are checkpoints and resume, TensorBoard, LoRA, bfloat16, CUDA,
staleness, judges, micro-batches and chunked log-probabilities, the ablations, and skipping tasks whose opening does
not fit. Taken from the rest of the package are the recipe, the model, the demonstrations, the tokens of a turn, and
`draw`, which picks a token; credit and loss are written out here.

    1. warm start   supervised steps on what scripted policies write               `warm_start`
    2. roll out     G trees for each task; every node is a token sequence          `roll_out`, `generate`
    3. credit       Eq. 1, Eq. 3 and Eq. 4 of arXiv:2605.06639                     `credit`, `depth_weights`
    4. learn        Eq. 5 with the clipped, detached ratio of CISPO                `rao_loss`, `learn`
    5. evaluate     greedily, on tasks of the test split                           `evaluate`
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from operator import mul
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from rao_gym.answer import Answer, EndReason
from rao_gym.registry import Setup
from rao_gym.runtime import Runtime
from rao_gym.tree import Node, StopReason
from rao_train.engines import Sampling
from rao_train.engines.transformers import draw
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.model import model_of
from rao_train.run.warm_start import demonstrate, sequences_of
from rao_train.seeds import Purpose, seed_of


@dataclass(slots=True, eq=False)
class Agent:
    """One node of a tree, and its tokens: what it read, and what it wrote.

    Attributes:
        node: The node.
        tree: Index of its tree in the batch.
        ids: Every token so far.
        written: Whether the policy wrote each of them: the mask of the loss.
        logprobs: log μ of those that it wrote, 0 for the others.
        ended: Whether its last turn ended with the token with which the template ends turns.
        reward: R, once the tree is finished.
        advantage: A.
        weight: w.
    """

    node: Node
    tree: int
    ids: list[int]
    written: list[bool]
    logprobs: list[float]
    ended: bool = True
    reward: float = 0.0
    advantage: float = 0.0
    weight: float = 1.0


@dataclass(slots=True, eq=False)
class Tree:
    """A tree while it grows.

    Attributes:
        runtime: Where it grows.
        seed: Seeds its draws.
        agents: Its agents that have been asked to act, by node id.
    """

    runtime: Runtime[Any]
    seed: tuple[int, ...]
    agents: dict[int, Agent] = field(default_factory=dict)


# 2. Roll out


def roll_out(
    model: Any, template: TurnTemplate, setup: Setup, tasks: Sequence[tuple[Any, tuple[int, ...]]], how: Sampling
) -> list[Tree]:
    """Grow one tree for each task and seed; the ready nodes of all trees are generated together."""
    trees = [Tree(setup.runtime(counter=ModelTokens(template)), seed) for _, seed in tasks]
    for tree, (task, _) in zip(trees, tasks, strict=True):
        tree.runtime.start(task)
    while growing := [(place, tree) for place, tree in enumerate(trees) if not tree.runtime.done]:
        acting = [(tree, listen(tree, place, node, template)) for place, tree in growing for node in tree.runtime.ready]
        prompts = [agent.ids for _, agent in acting]
        seeds = [(*tree.seed, agent.node.id, agent.node.turns) for tree, agent in acting]
        for (tree, agent), (ids, logprobs) in zip(
            acting, generate(model, template.end_ids, prompts, seeds, how), strict=True
        ):
            if not agent.node.ended:
                agent.ended = ids[-1] == template.end_id
                append(agent, ids, logprobs, written=True)
                ended = ids[-1] in template.end_ids
                end = EndReason.FINISHED if ended else EndReason.LENGTH
                text = template.action_text(ids, ended=ended)
                tree.runtime.act(agent.node, Answer(text, end=end, num_tokens=len(ids) + (not agent.ended)))
    return trees


def listen(tree: Tree, place: int, node: Node, template: TurnTemplate) -> Agent:
    """Return a ready node's agent, with the latest message among its tokens."""
    agent = tree.agents.get(node.id)
    if agent is None:
        agent = tree.agents[node.id] = Agent(node, place, [], [], [])
        ids = template.opening(node.messages)
    else:
        ids = template.reply(node.messages[-1]["content"], ended=agent.ended)
    append(agent, ids, [0.0] * len(ids), written=False)
    return agent


def append(agent: Agent, ids: list[int], logprobs: list[float], *, written: bool) -> None:
    """Add tokens to an agent's sequence."""
    agent.ids += ids
    agent.logprobs += logprobs
    agent.written += [written] * len(ids)


@torch.inference_mode()
def generate(
    model: Any, ends: Set[int], prompts: Sequence[list[int]], seeds: Sequence[tuple[int, ...]], how: Sampling
) -> list[tuple[list[int], list[float]]]:
    """Write one completion for each prompt, token by token; prompts are padded on the left."""
    uniforms = torch.tensor(np.array([np.random.default_rng(seed).random(how.max_new_tokens) for seed in seeds]))
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    completions: list[tuple[list[int], list[float]]] = [([], []) for _ in prompts]
    for step in range(how.max_new_tokens):
        output = model(ids, attention_mask=mask, position_ids=positions, past_key_values=cache, logits_to_keep=1)
        tokens, logprobs = draw(output.logits[:, -1], uniforms[:, step], how)
        for (written, scores), token, logprob in zip(completions, tokens.tolist(), logprobs.tolist(), strict=True):
            if not written or written[-1] not in ends:
                written.append(token)
                scores.append(logprob)
        if all(written[-1] in ends for written, _ in completions):
            break
        ids, positions = tokens[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    return completions


# 3. Credit


def credit(trees: Sequence[Tree], recipe: Recipe) -> list[Agent]:
    """Give every agent its reward (Eq. 1) and advantage (Eq. 3); return those that enter the loss."""
    group_size, bonus = recipe.training.group_size, recipe.credit.delegation_bonus
    kept: list[Agent] = []
    for start in range(0, len(trees), group_size):
        group = trees[start : start + group_size]
        for tree in group:
            for agent in tree.agents.values():
                root = tree.runtime.tree.root
                shares = [1.0 if child.part is None else float(child.part) for child in agent.node.children]
                signals = [signal_of(child, root) for child in agent.node.children]
                mean = sum(map(mul, shares, signals)) / max(1.0, sum(shares))
                agent.reward = signal_of(agent.node, root) + bonus * mean
        roots = [tree.agents[0].reward for tree in group]
        agents = [agent for tree in group for _, agent in sorted(tree.agents.items()) if agent.node.turns]
        if len({agent.reward for agent in agents}) == 1:
            continue  # all advantages of the group are 0
        for agent in agents:
            others = sum(roots) - roots[agent.tree - start]
            agent.advantage = agent.reward - others / (group_size - 1)
        kept += [agent for agent in agents if agent.node.stop_reason not in (StopReason.CANCELLED, StopReason.CRASHED)]
    return kept


def signal_of(node: Node, root: Node) -> float:
    """Return s̃ of a node that has ended; the root's stands in for one that nobody can verify."""
    return (root.signal or 0.0) if node.signal is None else node.signal


def success_of(tree: Tree) -> float:
    """Return s̃ of a tree's root."""
    return signal_of(tree.runtime.tree.root, tree.runtime.tree.root)


def depth_weights(agents: Sequence[Agent], max_child_weight: float | None) -> None:
    """Weigh the agents of an optimizer batch so that every depth carries the same total (Eq. 4), up to the bound."""
    counts = Counter(agent.node.depth for agent in agents)
    floor = counts[0] / max_child_weight if max_child_weight else 0.0
    divisors = {depth: max(count, floor) if depth else count for depth, count in counts.items()}
    alpha = len(agents) / sum(count / divisors[depth] for depth, count in counts.items())
    for agent in agents:
        agent.weight = alpha / divisors[agent.node.depth]


# 4. Learn


def rao_loss(model: Any, agents: Sequence[Agent], recipe: Recipe) -> Tensor:
    """Return −1/Z Σ w A Σ_t sg[clip(π/μ)] log π over the tokens that the policy wrote (Eq. 5), Z their number."""
    how = recipe.learner.loss
    logprobs, written = logprobs_of(model, agents, recipe.sampling.temperature)
    width = logprobs.shape[1]
    old = torch.tensor([agent.logprobs[1:] + [0.0] * (width + 1 - len(agent.ids)) for agent in agents])
    coefficients = torch.tensor([agent.weight * agent.advantage for agent in agents])[:, None]
    ratio = (logprobs.detach() - old).exp().clamp(how.min_ratio, how.max_ratio)
    return -(coefficients * ratio * logprobs * written).sum() / written.sum()


def logprobs_of(model: Any, agents: Sequence[Any], temperature: float) -> tuple[Tensor, Tensor]:
    """Return log π of every token but the first, and which of them were written; padded on the right."""
    width = max(len(agent.ids) for agent in agents)
    ids = torch.tensor([agent.ids + [0] * (width - len(agent.ids)) for agent in agents])
    written = torch.tensor([agent.written + [False] * (width - len(agent.ids)) for agent in agents])
    logits = model(ids[:, :-1]).logits / temperature
    logprobs = torch.log_softmax(logits.float(), dim=-1).gather(2, ids[:, 1:, None])[..., 0]
    return logprobs, written[:, 1:]


def learn(model: Any, optimizer: torch.optim.Optimizer, loss: Tensor, recipe: Recipe, learning_rate: float) -> float:
    """Take one optimizer step."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.learner.max_gradient_norm or float("inf"))
    optimizer.step()
    return float(loss.detach())


def optimizer_of(model: Any, recipe: Recipe) -> torch.optim.AdamW:
    """Return an optimizer with the recipe's settings; only matrices decay."""
    how = recipe.learner
    matrices = [weights for weights in model.parameters() if weights.ndim >= 2]
    others = [weights for weights in model.parameters() if weights.ndim < 2]
    groups = [{"params": matrices, "weight_decay": how.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=how.learning_rate, betas=how.betas, eps=how.epsilon, fused=True)


def warmed_up(learning_rate: float, step: int, warmup_steps: int) -> float:
    """Return the learning rate of an optimizer step, which rises linearly over the first ones; they count from 0."""
    return learning_rate * min(1.0, (step + 1) / warmup_steps if warmup_steps else 1.0)


def minibatches(agents: list[Agent], number: int, rng: np.random.Generator) -> Iterator[list[Agent]]:
    """Split the agents of a rollout batch into optimizer batches at random."""
    for part in np.array_split(rng.permutation(len(agents)), min(number, len(agents))):
        yield [agents[place] for place in part]


# 1. Warm start


@dataclass(slots=True, eq=False)
class Demonstration:
    """A sequence to imitate.

    Attributes:
        ids: Its tokens.
        written: Which of them are learned.
    """

    ids: list[int]
    written: list[bool]


def warm_start(model: Any, template: TurnTemplate, recipe: Recipe) -> None:
    """Imitate what scripted policies write, stage by stage."""
    tick = 0
    for place, stage in enumerate(recipe.warm_start.stages):
        seed = seed_of(recipe.seed, Purpose.DEMONSTRATIONS, place)
        trees = demonstrate(recipe.environment.setup(), stage, seed, counter=ModelTokens(template))
        found = [sequence for tree in trees for sequence in sequences_of(tree, template)]
        shown = [Demonstration(sequence.tokens_T.tolist(), sequence.mask_T.tolist()) for sequence in found]
        optimizer = optimizer_of(model, recipe)
        for step in range(stage.steps):
            rate = warmed_up(stage.learning_rate, step, stage.warmup_steps)
            rng = np.random.default_rng(seed_of(recipe.seed, Purpose.SUPERVISION, tick))
            batch = [shown[choice] for choice in rng.integers(len(shown), size=stage.sequences_per_step)]
            logprobs, written = logprobs_of(model, batch, recipe.sampling.temperature)
            loss = learn(model, optimizer, -(logprobs * written).sum() / written.sum(), recipe, rate)
            tick += 1
        print(f"warm start, {stage.name}: loss {loss:.4f}, {len(trees)}/{stage.demonstrations} trees", flush=True)


# 5. Evaluate


def evaluate(model: Any, template: TurnTemplate, recipe: Recipe, num_tasks: int) -> dict[int, float]:
    """Return the mean success of each difficulty on tasks that are not trained on."""
    setup, how = recipe.environment.setup(), recipe.evaluation
    sampling = Sampling(temperature=how.temperature, max_new_tokens=recipe.sampling.max_new_tokens)
    success = {}
    for difficulty in how.difficulties:
        tasks = [setup.family.sample(recipe.seed, how.split, index, difficulty) for index in range(num_tasks)]
        seeds = [seed_of(recipe.seed, Purpose.EVALUATION, difficulty, index) for index in range(num_tasks)]
        trees = roll_out(model, template, setup, list(zip(tasks, seeds, strict=True)), sampling)
        success[difficulty] = fmean(map(success_of, trees))
    return success


def train(recipe: Recipe) -> Iterator[tuple[float, list[float]]]:
    """Run a recipe; yield the roots' mean success and the losses of every training step, and print evaluations."""
    model, tokenizer = model_of(recipe)
    model.eval()  # no dropout: π would differ from μ for no reason
    template = TurnTemplate(tokenizer, recipe.model.template_arguments, declared_end_ids(model))
    warm_start(model, template, recipe)
    setup, schedule, how = recipe.environment.setup(), recipe.curriculum.schedule(), recipe.training
    optimizer = optimizer_of(model, recipe)
    num_updates = 0
    for step in range(how.steps):
        rng = np.random.default_rng(seed_of(recipe.seed, Purpose.TASKS, step))
        tasks: list[tuple[Any, tuple[int, ...]]] = []
        for group in range(how.tasks_per_step):
            index = step * how.tasks_per_step + group
            task = setup.family.sample(recipe.seed, setup.settings.split, index, schedule.draw(rng))
            tasks += [(task, seed_of(recipe.seed, Purpose.DRAWS, step, len(tasks) + g)) for g in range(how.group_size)]
        trees = roll_out(model, template, setup, tasks, recipe.sampling)
        successes = [*map(success_of, trees)]
        for place in range(0, len(trees), how.group_size):
            schedule.update(tasks[place][0].record.difficulty, fmean(successes[place : place + how.group_size]))
        rng = np.random.default_rng(seed_of(recipe.seed, Purpose.MINIBATCHES, step))
        losses = []
        agents = credit(trees, recipe)
        for batch in minibatches(agents, how.minibatches_per_step, rng) if agents else ():
            depth_weights(batch, recipe.credit.max_child_weight)
            rate = warmed_up(recipe.learner.learning_rate, num_updates, recipe.learner.warmup_steps)
            losses.append(learn(model, optimizer, rao_loss(model, batch, recipe), recipe, rate))
            num_updates += 1
        yield fmean(successes), losses
    for difficulty, success in evaluate(model, template, recipe, recipe.evaluation.tasks).items():
        print(f"difficulty {difficulty}: success {success:.2f}")


if __name__ == "__main__":
    name, *changes = sys.argv[1:] or ["arithmetic_tiny"]
    for number, (roots, step_losses) in enumerate(train(load_recipe(name, changes)), start=1):
        print(f"step {number}: success {roots:.2f}, losses {[round(loss, 4) for loss in step_losses]}", flush=True)
