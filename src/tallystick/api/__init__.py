"""The REST door: one table of routes, bound to operations by their signatures."""
