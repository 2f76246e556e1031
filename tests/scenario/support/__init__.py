"""What the scenario tests stand on: real servers, real clients, certificates, messages.

Standard library only. Everything listens on loopback, in a temporary folder of its own, on ports
reserved through a lock, so that two runs can go on at once.
"""
