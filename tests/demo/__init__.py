"""The main job end to end, as a user meets it: cluster, chart, two models, right answers."""
