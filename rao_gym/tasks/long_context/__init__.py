"""Questions about documents that are longer than the window."""

from rao_gym.tasks.long_context.family import LongContext
from rao_gym.tasks.long_context.page_policies import HalvePolicy, ReadPolicy

__all__ = ["HalvePolicy", "LongContext", "ReadPolicy"]
