"""The worklist of a report: one HTML file that needs no network."""
