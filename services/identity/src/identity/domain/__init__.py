"""Rules of identity: who exists, who may sign in, what was agreed to."""
