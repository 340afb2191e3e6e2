"""The whole system at work before one's eyes: `python -m deploy.demo`, behind make demo."""
