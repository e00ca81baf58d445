"""A server as the programs see it that call it."""
