"""From looks to findings: cameras, areas and their rules joined with doors, partitions and hours."""
