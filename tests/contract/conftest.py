"""The contract's rules are plain functions; a broken one shows its values like any test."""

from __future__ import annotations

import pytest

for _name in ("bench", "bytes_rules", "listing_rules", "trouble_rules", "conduct_rules"):
    pytest.register_assert_rewrite(f"contract.{_name}")
