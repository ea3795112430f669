"""The page on what the encoder knows."""
