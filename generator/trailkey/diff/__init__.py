"""Who gains and who loses access between two sets of policies: texts, output folders or configs."""
