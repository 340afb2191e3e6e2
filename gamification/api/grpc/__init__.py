"""The gRPC edge: who may call, is it well formed, one use case, its answer or a status."""
