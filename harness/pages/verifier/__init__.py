"""The page on the verifier's error rates."""
