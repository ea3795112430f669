"""The library of verdicts: scores in, verdicts out; it reads no result and imports nothing that trains."""
