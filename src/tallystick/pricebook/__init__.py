"""The catalogue as YAML files: read, written, compared with a server and applied to it."""
