"""Intervals, tests, power, multiple testing and the bootstrap: formulas with their sources, no file read."""
