"""What the activations of a float network do on the calibration samples."""
