"""Objects at a uri, and how each storage is reached: its options, retries and time limits."""
