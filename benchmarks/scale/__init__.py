"""How a library grows from ten thousand to millions of vectors, beside the engines that people would take otherwise."""
