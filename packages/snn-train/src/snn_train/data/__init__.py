"""Data sets: digits and Yin-Yang, which need no files, and MNIST from files of the user's."""
