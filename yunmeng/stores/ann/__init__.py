"""FAISS indexes of a library's vectors, in files of their own: made, read, and searched beside the store."""

__all__: list[str] = []
