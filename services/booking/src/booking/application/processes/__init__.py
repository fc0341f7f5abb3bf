"""What spans several streams: events to the commands that follow from them."""
