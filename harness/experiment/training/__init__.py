"""Determinism, batching, the training loop and checkpoints."""
