"""Pictures and clips at the centre: taken in, kept by hash, let go when their days are over, shown to who may look."""
