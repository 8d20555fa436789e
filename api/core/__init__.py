"""What every subject of the API shares."""
