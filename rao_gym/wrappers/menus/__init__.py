"""Menus: fixed sets of actions and numeric features for each family, for algorithms that cannot handle text."""
