"""Task families, one per folder."""
