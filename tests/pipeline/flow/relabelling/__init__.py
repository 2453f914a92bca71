"""Labelling again what another output keeps."""
