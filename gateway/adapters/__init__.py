"""The world behind the ports: one adapter a port, and none knows another."""
