"""Models outside the zoo, whose trained weights registry packages hold; nothing of them is part of the project."""
