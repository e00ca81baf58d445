"""The capability's two faces in front of somebody else's Togai-compatible API."""
