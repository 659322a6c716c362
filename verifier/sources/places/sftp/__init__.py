"""A server's SFTP as a place: our own engine over the system's `ssh` or over a channel of our own."""
