"""Tests of the images and manifests."""
