"""Units on a Slurm cluster, as job arrays."""
