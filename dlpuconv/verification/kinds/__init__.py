"""What an output is, and how far it may be from its source's: each kind of output has a measure that fits it.

`kind` names the kinds, `evidence` finds them in a graph, `stated` takes the user's word, one file each measures scores,
classes, boxes, masks and embeddings, `bars` says how much of each must agree, `tally` sums all of it over the samples.
"""
