"""The drawings of docs/drawings/: what each of them says, in boxes and arrows."""

from __future__ import annotations

from scripts.website.diagram import Arrow, Box, Diagram


def all_of_them() -> dict[str, str]:
    """SVG by the name of its file."""
    return {name: diagram.svg() for name, diagram in _DIAGRAMS.items()}


_IR = Diagram(
    "Every source becomes one ONNX model with a signature, from which every backend starts",
    {
        "onnx": Box(0, 0, ".onnx, QDQ", "value"),
        "torch": Box(0, 0.8, "nn.Module, .pt2", "value"),
        "keras": Box(0, 1.6, "Keras, SavedModel", "value"),
        "tflite": Box(0, 2.4, ".tflite", "value"),
        "model": Box(1.25, 1.2, "Model\nONNX graph + signature"),
        "normal": Box(2.45, 1.2, "Model in normal form"),
        "tfl": Box(3.7, 0.4, "backend tflite\nfloat graph, integers", "step"),
        "qdq": Box(3.7, 1.2, "backend onnx-qdq", "step"),
        "float": Box(3.7, 2.0, "backend onnx-float", "step"),
    },
    (
        *(Arrow(source, "model") for source in ("onnx", "torch", "keras", "tflite")),
        Arrow("model", "normal", "passes"),
        *(Arrow("normal", backend) for backend in ("tfl", "qdq", "float")),
    ),
)

_NORMAL_FORM = Diagram(
    "What the passes make of a convolution with an explicit pad, a batch normalization and shape arithmetic",
    {
        "pad": Box(0, 0, "Pad", "value"),
        "conv": Box(0, 0.8, "Conv", "value"),
        "bn": Box(0, 1.6, "BatchNormalization", "value"),
        "reshape": Box(0, 2.4, "Reshape", "value"),
        "shape": Box(0, 3.3, "Shape, Gather,\nUnsqueeze, Concat", "value"),
        "one": Box(1.6, 0.8, "Conv\nwith pads,\nnew weights and bias"),
        "two": Box(1.6, 2.4, "Reshape\nto a constant shape"),
    },
    (
        Arrow("pad", "conv"), Arrow("conv", "bn"), Arrow("bn", "reshape"), Arrow("shape", "reshape", "its shape"),
        Arrow("pad", "one"), Arrow("conv", "one", "become one"), Arrow("bn", "one"),
        Arrow("reshape", "two", "shapes are known"), Arrow("shape", "two"), Arrow("one", "two"),
    ),
)  # fmt: skip

_RECIPES = Diagram(
    "Statistics are taken once; each recipe is applied, run on held-out samples and judged; the best makes the file",
    {
        "samples": Box(0, 0, "samples\nfour of five", "value"),
        "held": Box(0, 1.4, "every fifth,\nheld out", "value"),
        "stats": Box(1.25, 0, "ranges, maxima,\nhistograms"),
        "recipe": Box(2.5, 0, "a recipe:\nequalize, gates,\nrounding, ranges"),
        "integers": Box(3.75, 0, "integers"),
        "judge": Box(2.5, 1.4, "verification,\nthen the SQNR of\nthe worst output", "question"),
        "file": Box(3.75, 1.4, "the best one's\nfile and .recipe.toml", "good"),
    },
    (
        Arrow("samples", "stats"), Arrow("stats", "recipe"), Arrow("recipe", "integers"),
        Arrow("held", "judge"), Arrow("integers", "judge"),
        Arrow("judge", "recipe", "the next"), Arrow("judge", "file"),
    ),
)  # fmt: skip

_VERIFICATION = Diagram(
    "A file is read back from its bytes, judged by its chip's rules, and run beside its source on held-out samples",
    {
        "file": Box(0, 0.7, "the file's bytes", "value"),
        "reader": Box(1.25, 0, "independent reader"),
        "kernels": Box(1.25, 1.4, "integer kernels\n(LiteRT, ONNX Runtime)"),
        "source": Box(0, 2.3, "source model,\nheld-out samples", "value"),
        "float": Box(1.25, 2.3, "ONNX Runtime,\nfloat"),
        "rules": Box(2.5, 0, "rules of the chip", "question"),
        "agree": Box(2.5, 1.85, "do the answers\nagree?", "question"),
        "pass": Box(3.75, 0.5, "pass", "good"),
        "fail": Box(3.75, 1.4, "fail, with the layers\nand what was tried", "bad"),
    },
    (
        Arrow("file", "reader"), Arrow("file", "kernels"), Arrow("source", "float"),
        Arrow("source", "kernels"), Arrow("reader", "rules"), Arrow("kernels", "agree"), Arrow("float", "agree"),
        Arrow("rules", "pass"), Arrow("agree", "pass"), Arrow("rules", "fail"), Arrow("agree", "fail"),
    ),
)  # fmt: skip

_ACCURACY = Diagram(
    "Where accuracy was lost: in feeding, in one output's range, in weights, in activations, or on the camera",
    {
        "float": Box(0, 0, "Does load(model.onnx)\nscore as in training?", "question"),
        "feed": Box(1.7, 0, "preprocessing differs:\ncheck --calibration", "bad"),
        "load": Box(0, 1.1, "Does load(the file)\nscore well?", "question"),
        "camera": Box(1.7, 1.1, "the camera differs:\nsee that page", "bad"),
        "warn": Box(0, 2.2, "Does verify warn of\nOUT-RANGES?", "question"),
        "split": Box(1.7, 2.2, "--split-outputs auto\nor --cut-at", "good"),
        "channel": Box(0, 3.3, "Is --granularity\nper-channel good?", "question"),
        "weights": Box(1.7, 3.3, "weights: --effort best,\n--granularity auto", "good"),
        "acts": Box(0, 4.4, "activations:\nanalyze names them", "question"),
        "data": Box(1.7, 4.1, "more, and other,\nsamples", "good"),
        "train": Box(1.7, 4.95, "train with the chip's\nnumbers: qat", "good"),
    },
    (
        Arrow("float", "feed", "no"), Arrow("float", "load", "yes"),
        Arrow("load", "camera", "yes"), Arrow("load", "warn", "no"),
        Arrow("warn", "split", "yes"), Arrow("warn", "channel", "no"),
        Arrow("channel", "weights", "yes"), Arrow("channel", "acts", "no"),
        Arrow("acts", "data"), Arrow("acts", "train"),
    ),
)  # fmt: skip

_DIAGRAMS = {
    "ir": _IR,
    "normal-form": _NORMAL_FORM,
    "recipes": _RECIPES,
    "verification": _VERIFICATION,
    "accuracy": _ACCURACY,
}
