"""The state store: documents, terms, credits and invoices in SQLite or PostgreSQL, by SQLAlchemy Core."""
