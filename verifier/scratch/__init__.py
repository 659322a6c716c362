"""A folder → a private, bounded, owned place that restored files live in, emptied whatever happens.

Promised: a folder that holds anything of somebody else's is refused, never emptied; what is removed is removed without
following a link or crossing into another mount; two drills never share a scratch; what a killed drill left is swept at
the next claim. Not promised: that deleted bytes can't be found on the disk.
"""

from verifier.scratch.claim import Scratch, default_folder
from verifier.scratch.removal import Left, remove_tree
from verifier.scratch.slot import Slot

__all__ = ["Left", "Scratch", "Slot", "default_folder", "remove_tree"]
