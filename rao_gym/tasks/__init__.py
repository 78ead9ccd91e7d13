"""Task families: one to a file or folder."""
