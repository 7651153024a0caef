"""What LoRA wins back after a shift, seed by seed: `python -m gyre_models.recovery`."""
