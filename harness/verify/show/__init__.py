"""Claims and verdicts in words: tables, derivations, arithmetic."""
