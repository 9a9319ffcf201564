"""Tasks: a data set, a network and the settings that train it, one file each, found by name."""
