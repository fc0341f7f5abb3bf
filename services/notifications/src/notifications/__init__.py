"""Letters, SMS and reminders, each sent once."""
