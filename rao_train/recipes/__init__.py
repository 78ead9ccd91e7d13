"""Recipes: everything that decides a run, as dataclasses, and the TOML files that ship with the package."""
