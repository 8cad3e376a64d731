"""A network of which the chip runs one part: the cut, the rest for the camera's CPU, and both as one function.

```
source inputs ──▶ front ──▶ chip ──▶ tail ──▶ source outputs
                 (ONNX,    (the     (ONNX,
                  CPU)      file)    CPU)
```

`whole` is the network before it is divided, and `outline` what a cut costs. `parts` says which operators run where: on
which `sides` of the chip, and up to which `boundary`, by minimum cuts (`flow`). `frontier` makes a `division` of that,
`extract` the parts as models. `chain` is all parts as one function again, `files` and `words` are what is delivered and
told, and `advice` is for those who divide by hand.
"""
