"""The platforms: each folder translates one, and knows nothing else."""
