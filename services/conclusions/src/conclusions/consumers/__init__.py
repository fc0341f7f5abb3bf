"""What others tell, as commands on own streams; one module per producing service."""
