"""The pipeline: its units, what is done of them, what the rest costs, and DVC."""
