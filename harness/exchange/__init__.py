"""What comes in and goes out: archives (RO-Crates) written and read, and MLflow."""
