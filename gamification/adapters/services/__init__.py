"""Clients of the other services that we call, for asyncio."""
