"""How a backup is packed on a place: each format turns places into sources."""
