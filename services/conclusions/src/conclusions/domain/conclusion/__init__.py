"""One conclusion: from the end of the consultation to the signed document in the patient's medcard."""
