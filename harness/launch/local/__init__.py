"""Units on this machine: worker processes, and the warm process of a plain `dvc repro`."""
