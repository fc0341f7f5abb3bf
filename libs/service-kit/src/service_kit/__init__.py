"""What every process needs: settings, logs, traces, metrics, health, problems, clock, ids, access, run loop."""
