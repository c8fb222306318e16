"""What happens to the probabilities before they become labels."""
