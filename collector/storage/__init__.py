"""The centre's storage: one schema, one history of migrations, SQLite or PostgreSQL."""
