"""The reference model: its generator, its training and its evaluation."""
