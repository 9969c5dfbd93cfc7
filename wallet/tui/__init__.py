"""The full-screen wallet: screens over `wallet.holder`, and nothing below it."""
