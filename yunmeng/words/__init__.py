"""Words as queries, for encoders that read pictures only."""
