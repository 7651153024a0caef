"""What is watched, and what it takes to be an alarm. Plain values in and out."""
