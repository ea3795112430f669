"""The registry of claims: what each says, what it needs, and the rule that decides it."""
