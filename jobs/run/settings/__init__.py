"""The settings of `segment`: written once, read from flags, YAML and `run.json`."""
