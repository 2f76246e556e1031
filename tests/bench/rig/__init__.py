"""What tests/bench/compare, scaling and self_test are made of."""
