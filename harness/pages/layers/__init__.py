"""The page on retrieval by layer."""
