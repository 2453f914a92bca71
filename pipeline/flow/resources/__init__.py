"""The cluster of a run: joined or started, and how many workers fit it."""
