"""An address → a manifest of what is there: every file read once, and written down what was not."""

from verifier.inventory.inventory import NAS_FOLDERS, Inventory, exclude_output, take_inventory

__all__ = ["NAS_FOLDERS", "Inventory", "exclude_output", "take_inventory"]
