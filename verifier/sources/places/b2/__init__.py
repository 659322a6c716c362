"""A Backblaze B2 bucket, or a prefix in it, as a place. `address` is light; the rest is loaded when it is opened."""
