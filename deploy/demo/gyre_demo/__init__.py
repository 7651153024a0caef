"""The story of one loop, told with a real stack. No service knows of it."""
