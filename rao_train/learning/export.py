"""A trained model as a plain Hugging Face folder, its adapters merged into its weights."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rao_gym.errors import RaoError, reason_of


class ExportError(RaoError, OSError):
    """A model that could not be written."""


def export_model(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a plain Hugging Face folder, adapters merged into the weights, in place of what is there.

    It is written beside the folder and renamed into place, so that the folder is never half a model.

    Raises:
        ExportError: It could not be written, for example because the disk is full; what was there is intact.
    """
    folder = folder.resolve()
    hidden = folder.with_name(f".{folder.name}.saving")
    try:
        plain = _merged(model) if isinstance(model, PeftModel) else model
        shutil.rmtree(hidden, ignore_errors=True)  # what a killed run left behind
        hidden.mkdir(parents=True)
        plain.save_pretrained(hidden)
        tokenizer.save_pretrained(hidden)
        _replace_folder(folder, hidden)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors have their own kinds
        shutil.rmtree(hidden, ignore_errors=True)
        raise ExportError(f"Cannot write the model to {folder}: {reason_of(error)}.") from error


def _merged(model: PeftModel) -> PreTrainedModel:
    """Return a copy of a model in float32 on the CPU, with its adapters merged into its weights.

    Less than 32 bits would round the adapters' small changes away. Where an adapted layer shares its weights with
    another, as a head does with the embeddings that it is tied to, both get weights of their own first: adapters
    change the one and not the other.
    """
    merged = copy.deepcopy(model).to("cpu", torch.float32)
    base: Any = merged.get_base_model()
    head, embeddings = base.get_output_embeddings(), base.get_input_embeddings()
    adapted = any(isinstance(layer, BaseTunerLayer) for layer in (head, embeddings))
    if adapted and head.weight is embeddings.weight:
        inner: Any = head.get_base_layer() if isinstance(head, BaseTunerLayer) else head
        inner.weight = nn.Parameter(head.weight.detach().clone())
        base.config.get_text_config().tie_word_embeddings = False
        base.config.tie_word_embeddings = False
    plain: PreTrainedModel = merged.merge_and_unload()
    return plain


def _replace_folder(folder: Path, new: Path) -> None:
    """Rename a folder into the place of another, which is deleted once nothing can fail any more."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
