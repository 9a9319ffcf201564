"""From a neuron's step to pointwise operations: trace it, lower it, split it."""
