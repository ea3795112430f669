"""The metrics by name: NAME.py holds the record of the metric that tasks/*.yaml calls NAME, as `METRIC`.

A file each: a unit of work hashes the file of its own metric and what that imports, so that another metric, changed or
added, makes none of its cells stale.
"""
