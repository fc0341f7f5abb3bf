"""Who has read the draft of a conclusion, and when (GW-24). Beside the conclusion: reading it changes no version."""
