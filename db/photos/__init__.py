"""Photos: accepted formats, headers, and decoding. Uses only Pillow, so that every process can import it."""
