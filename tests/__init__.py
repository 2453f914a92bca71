"""The tests of the project, in the tree of the product."""
