"""Consul: where others find this service. The only importer of httpx."""
