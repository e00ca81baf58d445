"""The only room with SQL and files: the state, the event log, the event store and the index of known ids."""
