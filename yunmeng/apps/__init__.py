"""Applications: what people come for, one folder each."""
