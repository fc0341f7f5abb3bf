"""How a person may be reached: own copy of identity's facts."""
