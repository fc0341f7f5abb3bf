"""One doctor on one local date: the only place that can give away the doctor's time."""
