"""MLflow as a view of finished results: `entry.py` says what a run holds, modules beside it fill it, `track.py` imports."""
