"""The Izhikevich neuron as a plugin of snn-core; importing it loads nothing else."""
