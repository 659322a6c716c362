"""Checksum lists of other programs → entries; each format in its own file, one manifest for all of them."""
