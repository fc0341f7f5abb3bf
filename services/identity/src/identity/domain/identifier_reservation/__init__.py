"""One login of a tenant: the only place that can give it away."""
