"""Measurements that anyone can run; none of them is part of the tests' verdict but `chaos`."""
