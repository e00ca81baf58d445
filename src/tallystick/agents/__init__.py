"""The door for AI agents: the operations as tools of the Model Context Protocol."""
