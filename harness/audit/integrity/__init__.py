"""V0: every hash and count equals its pin, and every cell of the grid is there."""
