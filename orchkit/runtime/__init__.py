"""ACTS. Network, disk, clock, money and secrets: whatever may give another result tomorrow."""
