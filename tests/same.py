"""Comparing two libraries by all that their stores keep."""

from dataclasses import replace

import numpy as np

from yunmeng.library import Library
from yunmeng.stores.augmented import layers

__all__ = ["assert_same"]


def assert_same(one: Library, other: Library, within: float = 0.0) -> None:
    """Check that two libraries keep the same, in each of their stores; numbers of vectors may be ``within`` apart."""
    for mine, others in zip(layers(one.generation.store), layers(other.generation.store), strict=True):
        before = {record.id: record for record in mine.iterate(vectors=True)}
        after = {record.id: record for record in others.iterate(vectors=True)}
        assert after.keys() == before.keys()
        for id, record in after.items():
            assert replace(record, vector=None, regions=None) == replace(before[id], vector=None, regions=None)
            found, wanted = record.vector, before[id].vector
            assert found is not None
            assert wanted is not None
            if within:
                np.testing.assert_allclose(found, wanted, rtol=0, atol=within)
            else:
                np.testing.assert_array_equal(found, wanted)
