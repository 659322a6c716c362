"""Addresses → sources: where copies are read from, and how. The table is the way in; the interface is the contract."""
