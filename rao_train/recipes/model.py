"""The section ``model`` of a recipe: which model is trained, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rao_train.models.loading import check_dtype
from rao_train.models.tiny import TinyModelSettings


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which model is trained, and where.

    Attributes:
        path: A folder that `AutoModelForCausalLM` loads, or ``organization/name`` on the Hugging Face hub; empty to
            build a tiny model.
        tiny: Shape of the tiny model; ``none`` in a recipe for models of your own, which then needs a path.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        dtype: Precision of weights that are not trained, those under the adapters of `learner.lora`: ``"auto"`` for
            that in which the folder stores them, ``"float32"``, ``"bfloat16"`` or ``"float16"``. Weights that are
            trained are float32.
        template_arguments: Variables of the tokenizer's chat template, such as ``enable_thinking``.
    """

    path: str = ""
    tiny: TinyModelSettings | None = field(default_factory=TinyModelSettings)
    device: str = "cpu"
    dtype: str = "auto"
    template_arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the precision's name.

        Raises:
            UnknownNameError: There is no such precision.
        """
        check_dtype(self.dtype)
