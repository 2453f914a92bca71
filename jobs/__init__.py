"""The jobs: one module a verb, the only rooms that know both wings."""
