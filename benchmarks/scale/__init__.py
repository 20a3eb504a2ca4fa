"""Measures how a library grows, from ten thousand vectors to millions, beside other engines that people might take."""
