"""A B2 account in memory, served on loopback: what the demo drills a cloud copy from, and tests fill with rclone.

Files live as long as the server does. Nothing but this machine can reach it.
"""

from __future__ import annotations

from verifier.demo.b2_server.faults import Fault
from verifier.demo.b2_server.server import B2Server

__all__ = ["B2Server", "Fault"]
