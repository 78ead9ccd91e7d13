"""`rao eval`: play a policy and measure it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rao_gym.commands.common import (
    add_environment_arguments,
    add_judge_arguments,
    add_run_arguments,
    environment_options,
    judge_arguments,
    output_console,
    parse_assignments,
    parse_difficulties,
    progress_bar,
    summary_table,
)
from rao_gym.commands.usage import usage_table
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import EpisodeResult, evaluate
from rao_gym.evaluation.store import clear
from rao_gym.registry import resolve_id
from rao_gym.tree import ExecutionTree


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("eval", help="play a policy and measure it")
    parser.add_argument("ids", nargs="+", metavar="ID", help="environment id, or module:ID to import a module first")
    parser.add_argument(
        "--policy",
        default="reference",
        help="reference, single, random, openai:MODEL, hf:PATH or module:Class",
    )
    add_run_arguments(parser, difficulty="1", episodes=20)
    add_environment_arguments(parser)
    parser.add_argument("--base-url", metavar="URL", help="URL of an OpenAI-compatible server")
    parser.add_argument("--temperature", type=float, help="sampling temperature of a model")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="most tokens of a model's reply")
    parser.add_argument(
        "-p",
        "--policy-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the policy; VALUE is JSON, or else text",
    )
    add_judge_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for results; resumes an interrupted run")
    parser.add_argument("--fresh", action="store_true", help="delete the results in DIR first")
    parser.add_argument(
        "--save-trees", default="20", metavar="N|all", help="trees to keep for each id and difficulty (default 20)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, and print a table."""
    ids = list(dict.fromkeys(resolve_id(text) for text in arguments.ids))
    difficulties = parse_difficulties(arguments.difficulty)
    options, policy_options = environment_options(arguments), _policy_options(arguments)
    save_trees = _count_or_all(arguments.save_trees)
    if arguments.fresh and arguments.out is not None:
        clear(arguments.out)
    num_episodes = len(ids) * len(difficulties) * max(0, arguments.episodes)
    finished: list[EpisodeResult] = []
    with progress_bar(arguments.policy, num_episodes) as show:

        def on_episode(result: EpisodeResult, tree: ExecutionTree | None) -> None:
            finished.append(result)
            show(result, tree)

        try:
            found = evaluate(
                arguments.policy,
                ids,
                difficulties,
                episodes=arguments.episodes,
                seed=arguments.seed,
                split=arguments.split,
                workers=arguments.workers,
                options=options,
                policy_options=policy_options,
                **judge_arguments(arguments),
                out=arguments.out,
                save_trees=save_trees,
                progress=on_episode,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_what_is_left(len(finished), num_episodes, arguments.out)) from None
    console = output_console()
    console.print(summary_table(f"{arguments.policy} on {', '.join(ids)}", found.summaries))
    if usage := found.usage:
        console.print(usage_table(usage))
    if found.judge_usage:
        console.print(usage_table(found.judge_usage, "what the judge used"))
    if found.num_unjudged:
        console.print(f"Unjudged: {found.num_unjudged} nodes without a signal, which count for nothing.")
    if found.num_excluded:
        first = next(result.error for result in found.results if result.error)
        console.print(f"Excluded: {found.num_excluded} of {len(found.results)} episodes. First error: {first}")
    if arguments.out is not None:
        console.print(f"Results are in {arguments.out}. See the trees with: rao view {arguments.out}")
    return 0


def _what_is_left(num_finished: int, num_episodes: int, out: Path | None) -> str:
    """Say what an interrupted evaluation has saved, and how to resume it."""
    count = f"Interrupted: {num_finished} of {num_episodes} episodes are finished"
    if out is None:
        return f"{count}, but not saved. Use --out DIR to save them and be able to resume."
    return f"{count} and saved in {out}. Run the same command to resume; unfinished episodes start over."


def _policy_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the policy's options by name."""
    flags = {name: getattr(arguments, name) for name in ("base_url", "temperature", "max_tokens")}
    given = {name: value for name, value in flags.items() if value is not None}
    return given | parse_assignments("--policy-option", arguments.policy_option)


def _count_or_all(text: str) -> int | None:
    """Return how many trees to keep; None for all.

    Raises:
        InvalidValueError: The text is neither a number nor "all".
    """
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidValueError(f"--save-trees must be a number or all, got {text!r}.")
    return int(text)
