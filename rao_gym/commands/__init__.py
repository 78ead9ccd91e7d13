"""The subcommands of `rao`, one file each.

A command is a function that adds a parser whose default ``run`` takes the parsed arguments and returns the exit code.
Other packages add commands through the entry-point group ``rao_gym.commands``.
"""
