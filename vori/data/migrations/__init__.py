"""Steps of the schema, oldest first by `ID`. Each is one SQL text, run in one transaction."""
