"""What others tell, as commands on own streams and messages to people; one module per producing service."""
