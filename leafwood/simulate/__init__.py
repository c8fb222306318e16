"""Virtual lidar surveys with exact labels."""
