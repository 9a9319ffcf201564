"""The plugin of snn-train: what it registers."""
