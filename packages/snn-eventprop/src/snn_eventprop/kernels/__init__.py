"""Compiled kernels over NumPy arrays: search for spikes, replay of a record, its adjoint."""
