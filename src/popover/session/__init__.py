"""The life of one client: the staircase between the floors."""
