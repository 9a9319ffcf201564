"""From a Problem to arrays, through the kernels, and back to tensors with gradients."""
