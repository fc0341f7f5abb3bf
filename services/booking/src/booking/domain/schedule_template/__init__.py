"""When a doctor works: all schedule templates of one doctor, so that active ones never overlap."""
