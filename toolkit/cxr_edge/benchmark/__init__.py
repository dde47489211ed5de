"""What ``cxr benchmark`` measures, and how it is shown."""
