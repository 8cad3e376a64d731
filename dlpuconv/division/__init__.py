"""A network of which the chip runs one part: the cut, the rest for the camera's CPU, and both as one function.

```
source inputs ──▶ front ──▶ chip ──▶ tail ──▶ source outputs
                 (ONNX,    (the     (ONNX,
                  CPU)      file)    CPU)
```

`whole` is the network before it is divided, `outline` what a cut costs, `frontier` where it is best, `extract` the
parts as models, `division` what comes of it, `chain` all parts as one function again.
"""
