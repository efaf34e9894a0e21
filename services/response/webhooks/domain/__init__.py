"""What is sent when, signed how, and when it is given up (pure: time and chance come in as data)."""
