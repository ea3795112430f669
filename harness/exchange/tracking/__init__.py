"""MLflow as a view of finished results: `entry.py` says what a run holds, `track.py` imports, the others serve them."""
