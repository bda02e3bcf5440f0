def latency(*a): return {}
