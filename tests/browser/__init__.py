"""What a person sees: real pages in a real Chromium."""
