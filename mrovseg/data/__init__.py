"""Images with labels, words or captions: how data sets are laid out, read and sampled."""
