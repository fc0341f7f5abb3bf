"""The clinic as letters name it: own copy of identity's facts."""
