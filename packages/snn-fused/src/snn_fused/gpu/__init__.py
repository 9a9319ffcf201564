"""GPU kernels: Triton source printed from a Body, kept in files, launched on torch tensors."""
