"""How well a model of ``arithmetic_tiny`` computes, by situation: ``python benchmarks/tiny_skills.py MODEL_FOLDER...``.

Every operation on two numbers modulo 13 is put to the model in each situation: as its own task, and as what is left
after launches, where the operands that were not numbers have come back. Printed are the share that it answers
correctly, played greedily, the mean probability of the right answer, and some of the operations that it gets wrong.
Situations that the warm start does not show are where reinforcement learning leaves errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import torch

from rao_gym.actions.writing import write_call
from rao_gym.tasks.arithmetic.expressions import Operation, apply, parse, render
from rao_gym.tasks.arithmetic.operands import SIDES, operand, substitute
from rao_gym.tools import LAUNCH
from rao_gym.tree import chat_message
from rao_train.models.loading import load_folder
from rao_train.models.turn_template import TurnTemplate

MODULUS: Final = 13
TASKS: Final = {
    "a single operation": "{a}{operator}{b}",
    "left operand nested": "(3+4){operator}{b}",
    "right operand nested": "{a}{operator}(5*8)",
    "both nested": "(3+4){operator}(5*8)",
    "left operand deep": "((3+4)*(2-5)){operator}{b}",
    "right operand deep": "{a}{operator}((3+4)*(2-5))",
    "both, left one deep": "((3+4)*2){operator}(5*8)",
    "both, right one deep": "(3+4){operator}((5*8)-2)",
    "both, right one deeper": "(3+4){operator}(((6-7)*2)+(5*8))",
}
"""Expressions whose operands come back as ``a`` and ``b``."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """An operation in a situation.

    Attributes:
        operation: The operation, such as ``3-9``.
        ids: What the model reads and has written, up to its answer.
        answer: The token of the right answer.
    """

    operation: str
    ids: list[int]
    answer: int


def main() -> None:
    """Print a line for each model and situation."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="MODEL_FOLDER")
    torch.set_num_threads(1)  # the model is too small for more
    for folder in parser.parse_args().folders:
        model, tokenizer = load_folder(str(folder), "cpu")
        for name, task in TASKS.items():
            chances = [(question, _chances(model, question)) for question in _questions(task, tokenizer)]
            wrong = [one.operation for one, all_V in chances if int(all_V.argmax()) != one.answer]
            right, mean = 1 - len(wrong) / len(chances), fmean(float(all_V[one.answer]) for one, all_V in chances)
            print(f"{folder}  {name:24} right {right:.4f}  probability {mean:.4f}  {' '.join(wrong[:10])}")


def _questions(task: str, tokenizer: Any) -> Iterator[Question]:
    """Yield every operation in a situation."""
    template = TurnTemplate(tokenizer)
    finish = write_call("finish", answer=0).partition("0")[0]
    launches = template.written("\n".join(write_call(LAUNCH, operand=side) for side in SIDES))
    for a, b, operator in product(range(MODULUS), range(MODULUS), "+-*"):
        operation, goal = f"{a}{operator}{b}", task.format(a=a, b=b, operator=operator)
        opening = f"Compute modulo {MODULUS}: {goal}\nTurns: 2."
        ids = template.opening([chat_message("system", ""), chat_message("user", opening)])
        if goal != operation:
            ids += launches + template.reply(_reply(goal, a, b), ended=True)
        answer = apply(operator, a, b, MODULUS)
        (token,) = tokenizer.encode(f"{answer}", add_special_tokens=False)
        yield Question(operation=operation, ids=ids + template.written(finish)[:-1], answer=token)


def _reply(goal: str, a: int, b: int) -> str:
    """Return what an agent reads after launching both operands, which come back as `a` and `b`."""
    expression, responses = parse(goal, MODULUS), []
    for side, value in zip(SIDES, (a, b), strict=True):
        assert isinstance(expression, Operation)
        part = operand(expression, side)
        if isinstance(part, Operation):
            expression = substitute(expression, side, value)
            responses.append(render(expression))
        else:
            responses.append(f"Launch refused: {render(part)} is a number; there is nothing to compute.")
    return "\n".join(f"<tool_response>\n{text}\n</tool_response>" for text in responses) + "\n(1 turn left)"


@torch.no_grad()
def _chances(model: Any, question: Question) -> torch.Tensor:
    """Return the probability of every token as the answer."""
    logits_V: torch.Tensor = model(torch.tensor([question.ids])).logits[0, -1]
    return logits_V.softmax(-1)


if __name__ == "__main__":
    main()
