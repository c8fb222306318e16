"""Training methods and diagnostics for rare wood: what a loss alone does not do."""
