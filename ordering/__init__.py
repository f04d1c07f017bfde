"""The security officer's own machine: gives orders and requests, shows what an order says, signs only that.

It may import nothing of ours but `protocol`, and believes the console nothing that it can read itself.
"""
