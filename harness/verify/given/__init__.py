"""Scores that another program made, and claims in a few words -> verdicts.

`rows` is what every reader and every importer of another program's files gives; `table` checks them and says what they
measure.
"""
