"""Processes that die or hang are noticed, named, and not tried for ever."""
