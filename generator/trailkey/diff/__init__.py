"""Who gains and who loses access between two worlds: policies, templates, output folders or configs."""
