"""SHOWS. Strings typed, pixels, argv and defaults: whatever knows that a person is looking."""
