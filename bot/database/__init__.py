"""The database: engine, column types and migrations. Tables stand with the capability that owns them."""
