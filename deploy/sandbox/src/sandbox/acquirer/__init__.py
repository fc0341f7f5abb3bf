"""A twin of YooKassa API v3: the payments of several shops, a payment page, notifications."""
