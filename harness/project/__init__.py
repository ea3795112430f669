"""The ground: errors, paths, params, profiles, tasks, pins, results, files, provenance, progress."""
