"""Recursion as an environment: agents that launch copies of themselves, for Gymnasium and PettingZoo."""

from typing import TYPE_CHECKING, Any

from rao_gym.errors import RaoError
from rao_gym.limits import Limits, LimitsLeft
from rao_gym.policies.base import Policy, Turn
from rao_gym.registry import make_setup, menu_ids, register, register_menu, registered_ids
from rao_gym.runtime import Runtime
from rao_gym.tasks.base import Task, TaskFamily
from rao_gym.tree import ExecutionTree, Node, NodeStatus, StopReason
from rao_gym.version import __version__

if TYPE_CHECKING:
    from rao_gym.envs.aec import aec_env
    from rao_gym.envs.parallel import parallel_env

__all__ = [
    "ExecutionTree",
    "Limits",
    "LimitsLeft",
    "Node",
    "NodeStatus",
    "Policy",
    "RaoError",
    "Runtime",
    "StopReason",
    "Task",
    "TaskFamily",
    "Turn",
    "__version__",
    "aec_env",
    "make_setup",
    "menu_ids",
    "parallel_env",
    "register",
    "register_menu",
    "registered_ids",
]

register("rao/LongContext-v0", "rao_gym.tasks.long_context:LongContext")
register("rao/Arithmetic-v0", "rao_gym.tasks.arithmetic:Arithmetic")
register("rao/Code-v0", "rao_gym.tasks.code:Code")
register("rao/DeepSearch-v0", "rao_gym.tasks.deep_search:DeepSearch")
register("rao/TextCraft-v0", "rao_gym.tasks.textcraft:TextCraft")
register("rao/TextCraftSynth-v0", "rao_gym.tasks.textcraft:TextCraftSynth")
register("rao/EmailSearch-v0", "rao_gym.tasks.email_search:EmailSearch")

register_menu(
    "rao/LongContext-menu-v0",
    "rao_gym.tasks.long_context:LongContext",
    "rao_gym.wrappers.menus.long_context:LongContextMenu",
    actions="tools",
    max_depth=3,
    max_turns=8,
    max_nodes=64,
)
register_menu(
    "rao/Arithmetic-menu-v0",
    "rao_gym.tasks.arithmetic:Arithmetic",
    "rao_gym.wrappers.menus.arithmetic:ArithmeticMenu",
    max_nodes=64,
)
register_menu(
    "rao/Code-menu-v0",
    "rao_gym.tasks.code:Code",
    "rao_gym.wrappers.menus.code:CodeMenu",
    max_nodes=64,
)
register_menu(
    "rao/TextCraft-menu-v0",
    "rao_gym.tasks.textcraft:TextCraft",
    "rao_gym.wrappers.menus.textcraft:TextCraftMenu",
    actions="tools",
    max_nodes=64,
)
register_menu(
    "rao/DeepSearch-menu-v0",
    "rao_gym.tasks.deep_search:DeepSearch",
    "rao_gym.wrappers.menus.deep_search:DeepSearchMenu",
    actions="tools",
    max_nodes=64,
)
register_menu(
    "rao/EmailSearch-menu-v0",
    "rao_gym.tasks.email_search:EmailSearch",
    "rao_gym.wrappers.menus.email_search:EmailSearchMenu",
    actions="tools",
    max_nodes=64,
)


def __getattr__(name: str) -> Any:
    """Import the PettingZoo views on first use, because PettingZoo takes longer to load than everything else."""
    if name == "aec_env":
        from rao_gym.envs.aec import aec_env

        return aec_env
    if name == "parallel_env":
        from rao_gym.envs.parallel import parallel_env

        return parallel_env
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
