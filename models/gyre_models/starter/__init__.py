"""What Gemma is taught before it is served: to answer from passages, with their numbers, or not."""
