"""The loops that run beside the doors."""
