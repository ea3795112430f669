"""The page on what the results show, claim by claim and recipe by recipe."""
