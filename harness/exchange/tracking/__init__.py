"""MLflow as a view of finished results: what a run of each kind holds (`entry`, `cells`, ...), and who writes it (`track`)."""
