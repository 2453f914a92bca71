"""One client a file: what it tells of a mask store, in words that the oracle has too."""
