"""Exports of a benchmark run in other people's formats: written to disk, and uploaded only when asked."""
