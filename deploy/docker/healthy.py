#!/usr/bin/env python3
"""Ends with status 0 if the service of this container is ready."""

import os
import urllib.request

if __name__ == "__main__":
    port = os.environ["GYRE_HEALTH_PORT"]
    urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=4)
