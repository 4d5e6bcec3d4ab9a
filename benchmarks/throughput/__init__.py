"""What orchkit costs beside the bare SDK: calls/s, CPU a call, rows/s from a cache, memory."""
