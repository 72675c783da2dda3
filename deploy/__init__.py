"""What surrounds a running gateway: installation, the gate, dashboards, rules and runbooks."""
