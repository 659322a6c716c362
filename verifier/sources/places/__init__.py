"""Where bytes lie: each place lists, fetches and reads, under one root, and never writes."""
