"""Action forms: how an action text becomes effects."""

from rao_gym.actions.base import ActionForm, NodeHost
from rao_gym.actions.python import PythonActions
from rao_gym.actions.tool_calls import ToolCallActions

__all__ = ["ACTION_FORMS", "ActionForm", "NodeHost", "PythonActions", "ToolCallActions"]

ACTION_FORMS = ("python", "tools")
"""The names of the action forms."""
