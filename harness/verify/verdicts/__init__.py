"""From what was measured to a verdict, with the evidence behind it."""
