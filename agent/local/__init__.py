"""The socket of a running agent: for programs of its own user or root on the same machine, and for nobody else."""
