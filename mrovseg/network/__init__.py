"""The network, from chips to queries: CLIP, adapter, decoders, masked attention."""
