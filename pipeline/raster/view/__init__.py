"""How a scene is read: decided once, from its header and its pixels."""
