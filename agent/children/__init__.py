"""Child processes of the agent: started, listened to, killed when they hang, started again."""
