"""From scores to what a claim speaks of: one value per seed."""
