"""From events to usage: the shape of an event, what becomes of it, and the series that usage makes."""
