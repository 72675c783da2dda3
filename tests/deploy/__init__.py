"""What stands in deploy/: dashboards, rules and runbooks, before a real Prometheus and a real gateway."""
