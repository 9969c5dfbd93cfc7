"""The front door: the ``warifu`` command, the demo network and the doctor.

Everything here is wiring. It starts the products, lets them talk over HTTP and
shows what happened; it decides nothing about identity, consent or the chain.

Reading order: ``__main__`` (commands), ``serving`` (how a program is served),
``demo`` (the whole journey on real processes), ``doctor``, ``vectors``.
"""
