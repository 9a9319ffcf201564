"""Data sets that need no download: handwritten digits and Yin-Yang."""
