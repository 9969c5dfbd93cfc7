"""The demo network: every program as its own process, and a resident who uses them all.

Nothing in here is a stand-in. The story drives the issuer's portal with a small
browser, the wallet by its own commands, the firms by their own web pages, and
reads the results where a person would.

Reading order: ``persona`` (who moves house), ``network`` (which processes),
``story`` (what happens), ``canary`` (what must be found nowhere), ``report``.
"""
