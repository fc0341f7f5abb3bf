"""The ways out: SMTP with calendar invitations, SMS over HTTP."""
