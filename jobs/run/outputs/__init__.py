"""An output that is read: its windows and classes, and which of its scenes are meant."""
