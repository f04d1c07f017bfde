"""Finding people, vehicles and bikes in a picture: models, the process that runs them, tracks."""
