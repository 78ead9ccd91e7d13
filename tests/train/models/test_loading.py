"""What is read from a model's folder: its weights in the precision asked for, and what ends a turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from chats import CHATS
from tiny import tiny_model
from transformers import GenerationConfig

from rao_gym.errors import UnknownNameError
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.loading import load_folder
from rao_train.models.turn_template import TurnTemplate
from rao_train.policies import HuggingFacePolicy


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder with a Qwen3 in bfloat16 that names two tokens as ends."""
    tokenizer: Any = CHATS["Qwen3"].build()
    model: Any = tiny_model(dtype=torch.bfloat16, vocab_size=len(tokenizer))
    model.generation_config = GenerationConfig(eos_token_id=[7, 9])
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("auto", torch.bfloat16), ("float32", torch.float32), ("float16", torch.float16)]
)
def test_weights_come_in_the_precision_asked_for(folder: str, dtype: str, expected: torch.dtype) -> None:
    assert load_folder(folder, "cpu", dtype)[0].dtype == expected


def test_an_unknown_precision_is_named(folder: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown dtype 'bf16'.*Did you mean 'bfloat16'"):
        load_folder(folder, "cpu", "bf16")


def test_every_declared_end_ends_a_turn(folder: str) -> None:
    model, tokenizer = load_folder(folder, "cpu")
    assert declared_end_ids(model) == [7, 9]
    template = TurnTemplate(tokenizer, declared_end_ids=declared_end_ids(model))
    assert template.end_ids == {template.end_id, tokenizer.eos_token_id, 7, 9}


@pytest.mark.parametrize(("eos", "expected"), [(None, []), (4, [4]), ([4, 5], [4, 5])])
def test_ends_come_from_the_configuration_where_generation_names_none(eos: Any, expected: list[int]) -> None:
    model: Any = tiny_model(eos_token_id=eos)
    model.generation_config = None
    assert declared_end_ids(model) == expected


def test_a_policy_takes_precision_and_template_arguments(folder: str) -> None:
    HuggingFacePolicy(folder, dtype="float32", max_tokens=64, template_arguments={"enable_thinking": False})
    with pytest.raises(UnknownNameError, match="argument of the chat template 'thinking'"):
        HuggingFacePolicy(folder, max_tokens=64, template_arguments={"thinking": False})
