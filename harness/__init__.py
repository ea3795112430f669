"""Re-run cross-lingual intermediate-task training experiments with everything pinned, and decide each claim."""

__version__ = "0.1.0"
