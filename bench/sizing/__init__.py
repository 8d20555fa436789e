"""What a core, a photo and a gigabyte hold: measured on a real stack, simulated for fleets."""
