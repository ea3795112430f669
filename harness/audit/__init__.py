"""Are the results whole (V0), and do they repeat (V1, V2)? What `harness verify` reads, re-runs and prints."""
