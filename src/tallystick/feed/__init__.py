"""Usage that lies in files, sent to a server as events: all of it, once, however often it is interrupted."""
