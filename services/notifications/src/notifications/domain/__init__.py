"""The rules of telling people: to whom, over what, once."""
