"""What orchkit costs beside the bare SDK: calls a second, CPU a call, rows a second from a cache."""
