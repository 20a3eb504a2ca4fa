import pytest

for module in ("conformance", "conformance_search", "kinds"):
    pytest.register_assert_rewrite(f"tests.stores.{module}")
