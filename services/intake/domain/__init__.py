"""What intake decides, pure: the states of an appeal and of a matter, and how each message changes them."""
