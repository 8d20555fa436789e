"""Photos: which formats are taken, what their headers say, and how their pixels are read. Pillow only, for every process."""
