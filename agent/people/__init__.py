"""Finding people, vehicles and bikes: the models, the program that runs one, how eyes ask it, and who is who."""
