"""Units on a Ray cluster: the driver, its nodes, and what travels between them."""
