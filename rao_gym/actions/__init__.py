"""Action forms: how a policy's text becomes actions."""

from rao_gym.actions.base import ActionForm, NodeHost
from rao_gym.actions.calls import Call, read_calls
from rao_gym.actions.code_blocks import read_code
from rao_gym.actions.python import PythonActions
from rao_gym.actions.thinking import STOP_STRINGS
from rao_gym.actions.tool_calls import ToolCallActions
from rao_gym.actions.writing import write_call, write_cell, write_thought

__all__ = [
    "ACTION_FORMS",
    "STOP_STRINGS",
    "ActionForm",
    "Call",
    "NodeHost",
    "PythonActions",
    "ToolCallActions",
    "read_calls",
    "read_code",
    "write_call",
    "write_cell",
    "write_thought",
]

ACTION_FORMS = ("python", "tools")
"""The names of the action forms."""
