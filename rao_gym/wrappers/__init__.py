"""Wrappers around the Gymnasium view: curricula, records of trees, and fixed spaces for classic algorithms."""

from rao_gym.wrappers.curriculum import Curriculum
from rao_gym.wrappers.menus.base import Choices, Menu
from rao_gym.wrappers.menus.environment import MenuEnv, menu_env
from rao_gym.wrappers.record_trees import RecordTrees

__all__ = ["Choices", "Curriculum", "Menu", "MenuEnv", "RecordTrees", "menu_env"]
