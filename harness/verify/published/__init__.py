"""What was published beside the claims: rows of scores, and whether published numbers follow from each other."""
