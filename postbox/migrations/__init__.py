"""Schema migrations of the mailbox."""
